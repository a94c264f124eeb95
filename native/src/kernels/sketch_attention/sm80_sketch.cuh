// Pass 2: a block keeps 64 prototypes and streams one span of a segment's tokens: recomputes their weights A from the stored LSE, sums A V and A.
// Spans of a segment are summed in their order by the last block to arrive, which divides by the mass if that was asked for.
#pragma once
#include "device/split_merge.cuh"
#include "kernels/sketch_attention/sketch_tiles.cuh"

namespace lsk::sketch_attention {

template <class Config>
struct SketchShared {
    alignas(128) std::byte prototypes[Config::kept_bytes];
    alignas(128) std::byte keys[stages][Config::streamed_bytes];
    alignas(128) std::byte values[stages][Config::streamed_bytes];
    float log_sum_exps[stages][Config::streamed_rows];
};

// A partial result is the accumulators of every thread and, behind them, its part of the mass of its two rows.
template <class Config>
constexpr int sketch_vectors = Config::width_columns + 1;

template <class Config>
__global__ __launch_bounds__(threads, 2) void sketch_kernel(const SketchAttentionParams p) {
    LSK_SHARED(raw);
    auto& shared = *reinterpret_cast<SketchShared<Config>*>(raw);
    const Lane at;
    const int units = (p.prototype_count + kept_rows - 1) / kept_rows, unit = static_cast<int>(blockIdx.x % units);
    const RowSpan span = p.spans[blockIdx.x / units];
    const int first_prototype = unit * kept_rows, valid_prototypes = min(kept_rows, p.prototype_count - first_prototype);
    const int tiles = static_cast<int>((span.rows + Config::streamed_rows - 1) / Config::streamed_rows);
    const auto load_tokens = [&](int tile) {
        if (tile < tiles) {
            const int stage = tile % stages;
            const int64_t row = span.first_row + int64_t(tile) * Config::streamed_rows, valid = span.first_row + span.rows - row;
            load<Config>(shared.keys[stage], Config::streamed_rows, p.keys, row, valid, p.key_width, p.key_alignment);
            load<Config>(shared.values[stage], Config::streamed_rows, p.values, row, valid, p.value_width, p.value_alignment);
            const auto i = static_cast<int>(threadIdx.x);
            if (i < Config::streamed_rows)
                ptx::cp_async4(ptx::shared_address(&shared.log_sum_exps[stage][i]), p.token_log_sum_exp + (i < valid ? row + i : 0), i < valid);
        }
        ptx::cp_async_commit();
    };
    load<Config>(shared.prototypes, kept_rows, p.prototypes, first_prototype, valid_prototypes, p.key_width, p.key_alignment);
    load_tokens(0);

    float sums[sketch_vectors<Config>][4] = {};
    auto& rows = reinterpret_cast<float(&)[Config::width_columns][4]>(sums);
    auto& mass = sums[Config::width_columns];
    for (int tile = 0; tile < tiles; tile++) {
        ptx::cp_async_wait<0>();
        __syncthreads();  // the tile is there, and everyone is done with the other stage
        load_tokens(tile + 1);
        if (at.warp * rows_of_warp >= valid_prototypes) continue;
        const int stage = tile % stages, valid = static_cast<int>(min(int64_t(Config::streamed_rows), span.rows - int64_t(tile) * Config::streamed_rows));
        float weights[Config::streamed_columns][4];
        row_products<Config>(weights, ptx::shared_address(shared.prototypes), ptx::shared_address(shared.keys[stage]), p.key_width, at);
        LSK_UNROLL for (int n = 0; n < Config::streamed_columns; n++)
            LSK_UNROLL for (int i = 0; i < 4; i++) {
                const int token = at.column(n, i);
                weights[n][i] = token < valid ? weight_of(weights[n][i], p.scale, shared.log_sum_exps[stage][token]) : 0.0f;
                mass[i / 2] += weights[n][i];
            }
        add_weighted_rows<Config>(rows, weights, ptx::shared_address(shared.values[stage]), p.value_width, at);
    }
    ptx::cp_async_wait<0>();

    constexpr int64_t slot = sketch_vectors<Config> * threads;
    const SplitMerge merge{p.partials + (int64_t(span.first_partial) * units + unit) * slot, units * slot, p.tickets + int64_t(unit) * p.tickets_per_unit + span.first_ticket,
                           span.split, span.splits, span.group_size};
    if (!merge_splits(sums, merge)) return;
    const int64_t first_row = int64_t(span.segment) * p.prototype_count + first_prototype;
    float factors[2];
    LSK_UNROLL for (int half = 0; half < 2; half++) {
        const float of_row = row_sum(mass[half]);
        factors[half] = p.normalization == LSK_NORMALIZATION_MASS ? 1.0f / (of_row + mass_epsilon) : 1.0f;
        if (at.lane % 4 == 0 && at.row(half * 2) < valid_prototypes) p.mass[first_row + at.row(half * 2)] = of_row;
    }
    store_rows<Config>(p.sketch, first_row, valid_prototypes, p.value_width, p.value_alignment, rows, factors, at);
}

}  // namespace lsk::sketch_attention
