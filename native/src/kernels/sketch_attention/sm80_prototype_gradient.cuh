// Gradient of the prototypes, summed over all tokens of all segments: a block keeps 64 prototypes with their rows of one segment's sketch gradient and
// streams its part of the tokens, dP = dS K with dS as in sm80_token_gradients. Parts are summed in their order by the last block to arrive.
#pragma once
#include "device/split_merge.cuh"
#include "kernels/sketch_attention/sketch_tiles.cuh"

namespace lsk::sketch_attention {

template <class Config>
struct PrototypeGradientShared {
    alignas(128) std::byte prototypes[Config::kept_bytes];
    alignas(128) std::byte sketch_gradients[Config::kept_bytes];
    alignas(128) std::byte keys[stages][Config::streamed_bytes];
    alignas(128) std::byte values[stages][Config::streamed_bytes];
    float log_sum_exps[stages][Config::streamed_rows];
    float weight_means[stages][Config::streamed_rows];
    SketchFactors factors[kept_rows];  // not in registers, which the widest sums fill
};

// The tiles of tokens of a part, one after the other over its spans.
struct TokenTiles {
    const RowSpan* span;
    const RowSpan* end;
    int64_t done = 0;  // rows of the span

    LSK_DEVICE bool finished() const { return span == end; }
    LSK_DEVICE int64_t first_row() const { return span->first_row + done; }
    LSK_DEVICE int64_t rows() const { return span->rows - done; }
    LSK_DEVICE void advance(int rows) {
        done += rows;
        if (done < span->rows) return;
        span++;
        done = 0;
    }
};

template <class Config>
__global__ __launch_bounds__(threads, 2) void prototype_gradient_kernel(const SketchAttentionParams p) {
    LSK_SHARED(raw);
    auto& shared = *reinterpret_cast<PrototypeGradientShared<Config>*>(raw);
    const Lane at;
    const auto thread = static_cast<int>(threadIdx.x);
    const int units = (p.prototype_count + kept_rows - 1) / kept_rows, unit = static_cast<int>(blockIdx.x) % units, part = static_cast<int>(blockIdx.x) / units;
    const int first_prototype = unit * kept_rows, valid_prototypes = min(kept_rows, p.prototype_count - first_prototype);
    TokenTiles tile{p.spans + p.block_spans[part], p.spans + p.block_spans[part + 1]};
    const auto load_tokens = [&](const TokenTiles& from, int stage) {
        if (!from.finished()) {
            const int64_t row = from.first_row(), valid = from.rows();
            load<Config>(shared.keys[stage], Config::streamed_rows, p.keys, row, valid, p.key_width, p.key_alignment);
            load<Config>(shared.values[stage], Config::streamed_rows, p.values, row, valid, p.value_width, p.value_alignment);
            if (thread < Config::streamed_rows) {
                const bool inside = thread < valid;
                const int64_t token = inside ? row + thread : row;
                ptx::cp_async4(ptx::shared_address(&shared.log_sum_exps[stage][thread]), p.token_log_sum_exp + token, inside);
                ptx::cp_async4(ptx::shared_address(&shared.weight_means[stage][thread]), p.weight_means + token, inside);
            }
        }
        ptx::cp_async_commit();
    };
    load<Config>(shared.prototypes, kept_rows, p.prototypes, first_prototype, valid_prototypes, p.key_width, p.key_alignment);
    load_tokens(tile, 0);

    float sums[Config::width_columns][4] = {};
    int segment = -1;
    for (int stage = 0; !tile.finished(); stage = (stage + 1) % stages, tile.advance(Config::streamed_rows)) {
        ptx::cp_async_wait<0>();
        __syncthreads();  // the tile is there, and everyone is done with the other stage and with the last segment's rows
        if (tile.span->segment != segment) {
            segment = tile.span->segment;
            const int64_t first_row = int64_t(segment) * p.prototype_count + first_prototype;
            load<Config>(shared.sketch_gradients, kept_rows, p.sketch_gradient, first_row, valid_prototypes, p.value_width, p.value_alignment);
            load_factors(shared.factors, kept_rows, p.factors ? p.factors + first_row : nullptr, valid_prototypes);
            ptx::cp_async_commit();
            ptx::cp_async_wait<0>();
            __syncthreads();
        }
        TokenTiles next = tile;  // found anew each time: it costs no registers over the products
        next.advance(Config::streamed_rows);
        load_tokens(next, (stage + 1) % stages);
        if (at.warp * rows_of_warp >= valid_prototypes) continue;
        const int64_t valid = tile.rows();
        float weights[Config::streamed_columns][4], weight_gradients[Config::streamed_columns][4];
        row_products<Config>(weights, ptx::shared_address(shared.prototypes), ptx::shared_address(shared.keys[stage]), p.key_width, at);
        row_products<Config>(weight_gradients, ptx::shared_address(shared.sketch_gradients), ptx::shared_address(shared.values[stage]), p.value_width, at);
        LSK_UNROLL for (int n = 0; n < Config::streamed_columns; n++)
            LSK_UNROLL for (int i = 0; i < 4; i++) {
                const int token = at.column(n, i);
                const SketchFactors& factor = shared.factors[at.row(i)];
                const float gradient = (weight_gradients[n][i] * factor.inverse_mass + factor.mass_gradient - shared.weight_means[stage][token]) * p.scale;
                weights[n][i] = token < valid ? weight_of(weights[n][i], p.scale, shared.log_sum_exps[stage][token]) * gradient : 0.0f;
            }
        add_weighted_rows<Config>(sums, weights, ptx::shared_address(shared.keys[stage]), p.key_width, at);
    }
    ptx::cp_async_wait<0>();

    constexpr int64_t slot = Config::width_columns * threads;
    const SplitMerge merge{p.partials + unit * slot, units * slot, p.tickets + int64_t(unit) * p.tickets_per_unit, part, p.parts, p.part_group};
    if (!merge_splits(sums, merge)) return;
    const float unscaled[2] = {1.0f, 1.0f};
    store_rows<Config>(p.prototype_gradient, first_prototype, valid_prototypes, p.key_width, p.key_alignment, sums, unscaled, at);
}

}  // namespace lsk::sketch_attention
