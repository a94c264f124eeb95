// Pass 1: the natural-log LSE of every token over all prototypes. A block keeps 64 tokens' keys and streams the prototypes; segments do not matter.
#pragma once
#include "kernels/sketch_attention/sketch_tiles.cuh"

namespace lsk::sketch_attention {

template <class Config>
struct TokenLseShared {
    alignas(128) std::byte keys[Config::kept_bytes];
    alignas(128) std::byte prototypes[stages][Config::streamed_bytes];
};

template <class Config>
__global__ __launch_bounds__(threads) void token_lse_kernel(const SketchAttentionParams p) {
    LSK_SHARED(raw);
    auto& shared = *reinterpret_cast<TokenLseShared<Config>*>(raw);
    const Lane at;
    const int64_t first = int64_t(blockIdx.x) * kept_rows;
    const int tiles = (p.prototype_count + Config::streamed_rows - 1) / Config::streamed_rows;
    const auto load_prototypes = [&](int tile) {
        const int row = tile * Config::streamed_rows;
        if (tile < tiles) load<Config>(shared.prototypes[tile % stages], Config::streamed_rows, p.prototypes, row, p.prototype_count - row, p.key_width, p.key_alignment);
        ptx::cp_async_commit();
    };
    load<Config>(shared.keys, kept_rows, p.keys, first, p.total - first, p.key_width, p.key_alignment);
    load_prototypes(0);

    // Per lane and row: the largest logit it has seen, and the sum of the exponentials relative to it.
    float top[2] = {-INFINITY, -INFINITY}, sum[2] = {};
    for (int tile = 0; tile < tiles; tile++) {
        ptx::cp_async_wait<0>();
        __syncthreads();  // the tile is there, and everyone is done with the other stage
        load_prototypes(tile + 1);
        float logits[Config::streamed_columns][4];
        row_products<Config>(logits, ptx::shared_address(shared.keys), ptx::shared_address(shared.prototypes[tile % stages]), p.key_width, at);
        const int valid = p.prototype_count - tile * Config::streamed_rows;
        float larger[2] = {top[0], top[1]};
        LSK_UNROLL for (int n = 0; n < Config::streamed_columns; n++)
            LSK_UNROLL for (int i = 0; i < 4; i++) {
                logits[n][i] = at.column(n, i) < valid ? logit_of(logits[n][i], p.scale) : -INFINITY;
                larger[i / 2] = fmaxf(larger[i / 2], logits[n][i]);
            }
        LSK_UNROLL for (int half = 0; half < 2; half++) {
            if (larger[half] == -INFINITY) continue;  // a lane whose columns are all beyond the prototypes
            sum[half] *= ptx::exp2((top[half] - larger[half]) * log2_e);
            top[half] = larger[half];
            LSK_UNROLL for (int n = 0; n < Config::streamed_columns; n++)
                LSK_UNROLL for (int i = half * 2; i < half * 2 + 2; i++) sum[half] += ptx::exp2((logits[n][i] - top[half]) * log2_e);
        }
    }
    LSK_UNROLL for (int half = 0; half < 2; half++) {
        const float of_row = group_max(top[half], 4);
        const float total = row_sum(top[half] == -INFINITY ? 0.0f : sum[half] * ptx::exp2((top[half] - of_row) * log2_e));
        const int64_t token = first + at.row(half * 2);
        if (at.lane % 4 == 0 && token < p.total) p.token_log_sum_exp[token] = of_row + ptx::log2(total) * ln_2;
    }
}

}  // namespace lsk::sketch_attention
