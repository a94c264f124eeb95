// Gradients of keys and values. A block keeps 64 tokens' keys and values and streams the prototypes with the rows of the sketch's gradient twice: first
// dV = A^T dG, from which the mean of dA under a token's weights follows as dV . V without another product; then dS = A (dA - mean) and dK = dS^T P.
// The mass has a gradient of its own where the sketch was divided by it: its factors enter dA and the weights of dG.
#pragma once
#include "kernels/sketch_attention/sketch_tiles.cuh"

namespace lsk::sketch_attention {

template <class Config>
struct TokenGradientsShared {
    alignas(128) std::byte keys[Config::kept_bytes];
    alignas(128) std::byte values[Config::kept_bytes];
    alignas(128) std::byte prototypes[stages][Config::streamed_bytes];
    alignas(128) std::byte sketch_gradients[stages][Config::streamed_bytes];
    SketchFactors factors[stages][Config::streamed_rows];
};

// A token's row of accumulators times its row of the kept values, over the row's lanes.
template <class Config>
LSK_DEVICE float dot_with_kept(const float (&sums)[Config::width_columns][4], const std::byte* kept, int half, const Lane& at) {
    float dot = 0.0f;
    LSK_UNROLL for (int n = 0; n < Config::width_columns; n++)
        LSK_UNROLL for (int i = half * 2; i < half * 2 + 2; i++)
            dot += sums[n][i] * device::to_float(*reinterpret_cast<const typename Config::Element*>(kept + Config::Tile::element_offset(at.row(i), at.column(n, i))));
    return row_sum(dot);
}

// A of the kept tokens and one tile of prototypes; zeros beyond the prototypes.
template <class Config>
LSK_DEVICE void token_weights(float (&weights)[Config::streamed_columns][4], const SketchAttentionParams& p, uint32_t keys, uint32_t prototypes, int first_prototype,
                              const float (&log_sum_exps)[2], const Lane& at) {
    row_products<Config>(weights, keys, prototypes, p.key_width, at);
    LSK_UNROLL for (int n = 0; n < Config::streamed_columns; n++)
        LSK_UNROLL for (int i = 0; i < 4; i++)
            weights[n][i] = first_prototype + at.column(n, i) < p.prototype_count ? weight_of(weights[n][i], p.scale, log_sum_exps[i / 2]) : 0.0f;
}

template <class Config>
__global__ __launch_bounds__(threads, 2) void token_gradients_kernel(const SketchAttentionParams p) {
    // fp32 takes the mean from the very dA that it is subtracted from, so that a weight near 1 leaves no difference but its own.
    constexpr bool mean_of_products = sizeof(typename Config::Element) == 4;
    LSK_SHARED(raw);
    auto& shared = *reinterpret_cast<TokenGradientsShared<Config>*>(raw);
    const Lane at;
    const RowSpan span = p.spans[blockIdx.x];  // of one tile
    const int64_t first = span.first_row;
    const auto valid = static_cast<int>(span.rows);
    const int64_t first_sketch_row = int64_t(span.segment) * p.prototype_count;
    const int tiles = (p.prototype_count + Config::streamed_rows - 1) / Config::streamed_rows;
    const float unscaled[2] = {1.0f, 1.0f};
    const auto load_prototypes = [&](int pass) {  // twice over the tiles of prototypes
        if (pass < 2 * tiles) {
            const int stage = pass % stages, row = pass % tiles * Config::streamed_rows, valid = p.prototype_count - row;
            load<Config>(shared.prototypes[stage], Config::streamed_rows, p.prototypes, row, valid, p.key_width, p.key_alignment);
            load<Config>(shared.sketch_gradients[stage], Config::streamed_rows, p.sketch_gradient, first_sketch_row + row, valid, p.value_width, p.value_alignment);
            load_factors(shared.factors[stage], Config::streamed_rows, p.factors ? p.factors + first_sketch_row + row : nullptr, valid);
        }
        ptx::cp_async_commit();
    };
    const auto next_tile = [&](int pass) {
        ptx::cp_async_wait<0>();
        __syncthreads();  // the tile is there, and everyone is done with the other stage
        load_prototypes(pass + 1);
    };
    const uint32_t keys = ptx::shared_address(shared.keys), values = ptx::shared_address(shared.values);

    load<Config>(shared.keys, kept_rows, p.keys, first, valid, p.key_width, p.key_alignment);
    load<Config>(shared.values, kept_rows, p.values, first, valid, p.value_width, p.value_alignment);
    load_prototypes(0);
    float log_sum_exps[2], means[2] = {};
    LSK_UNROLL for (int half = 0; half < 2; half++) log_sum_exps[half] = at.row(half * 2) < valid ? p.token_log_sum_exp[first + at.row(half * 2)] : 0.0f;

    float value_gradients[Config::width_columns][4] = {};
    for (int tile = 0; tile < tiles; tile++) {
        next_tile(tile);
        const int stage = tile % stages;
        const uint32_t sketch_gradients = ptx::shared_address(shared.sketch_gradients[stage]);
        float weights[Config::streamed_columns][4], weight_gradients[Config::streamed_columns][4] = {};
        token_weights<Config>(weights, p, keys, ptx::shared_address(shared.prototypes[stage]), tile * Config::streamed_rows, log_sum_exps, at);
        if constexpr (mean_of_products) row_products<Config>(weight_gradients, values, sketch_gradients, p.value_width, at);
        LSK_UNROLL for (int n = 0; n < Config::streamed_columns; n++)
            LSK_UNROLL for (int i = 0; i < 4; i++) {
                const SketchFactors factors = shared.factors[stage][at.column(n, i)];
                means[i / 2] += weights[n][i] * (weight_gradients[n][i] * factors.inverse_mass + factors.mass_gradient);
                weights[n][i] *= factors.inverse_mass;
            }
        add_weighted_rows<Config>(value_gradients, weights, sketch_gradients, p.value_width, at);
    }
    store_rows<Config>(p.value_gradient, first, valid, p.value_width, p.value_alignment, value_gradients, unscaled, at);
    LSK_UNROLL for (int half = 0; half < 2; half++) {
        means[half] = row_sum(means[half]);
        if constexpr (!mean_of_products) means[half] += dot_with_kept<Config>(value_gradients, shared.values, half, at);
        if (at.lane % 4 == 0 && at.row(half * 2) < valid) p.weight_means[first + at.row(half * 2)] = means[half];
    }

    float key_gradients[Config::width_columns][4] = {};
    for (int tile = 0; tile < tiles; tile++) {
        next_tile(tiles + tile);
        const int stage = (tiles + tile) % stages;
        const uint32_t prototypes = ptx::shared_address(shared.prototypes[stage]);
        float weights[Config::streamed_columns][4], weight_gradients[Config::streamed_columns][4];
        token_weights<Config>(weights, p, keys, prototypes, tile * Config::streamed_rows, log_sum_exps, at);
        row_products<Config>(weight_gradients, values, ptx::shared_address(shared.sketch_gradients[stage]), p.value_width, at);
        LSK_UNROLL for (int n = 0; n < Config::streamed_columns; n++)
            LSK_UNROLL for (int i = 0; i < 4; i++) {
                const SketchFactors factors = shared.factors[stage][at.column(n, i)];
                weights[n][i] *= (weight_gradients[n][i] * factors.inverse_mass + factors.mass_gradient - means[i / 2]) * p.scale;
            }
        add_weighted_rows<Config>(key_gradients, weights, prototypes, p.key_width, at);
    }
    ptx::cp_async_wait<0>();
    store_rows<Config>(p.key_gradient, first, valid, p.key_width, p.key_alignment, key_gradients, unscaled, at);
}

}  // namespace lsk::sketch_attention
