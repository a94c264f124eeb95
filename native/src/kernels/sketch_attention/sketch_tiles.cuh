// What the kernels of sketch attention have in common. A block keeps a tile of one side, tokens or prototypes, and streams tiles of the other past it;
// a warp owns 16 rows of the kept tile. Each side has two tensors: keys and values, prototypes and the sketch's gradient.
#pragma once
#include <cstddef>
#include "device/chunk.cuh"
#include "device/fragment.cuh"
#include "device/warp.cuh"
#include "kernels/sketch_attention/sketch_attention.h"

namespace lsk::sketch_attention {

constexpr int warps = 4;
constexpr int threads = warps * 32;
constexpr int kept_rows = sketch_tile_rows;
constexpr int rows_of_warp = kept_rows / warps;
constexpr int stages = 2;
constexpr float mass_epsilon = 1e-8f;  // keeps the mass of an unused prototype from dividing by zero
static_assert(rows_of_warp == 16, "a warp owns the rows of one product");

template <class Element_, int Width_>
struct Config {
    using Element = Element_;
    using Tile = TileLayout<Element, Width_>;
    static constexpr int width = Width_;
    static constexpr int width_columns = width / 8;
    // Two kept and two times two streamed tiles are at most 96 KB, the most that every device from sm_80 on has for a block (but for fp32 of 256 columns,
    // 192 KB); and accumulators of streamed rows leave registers for those of wide sums.
    static constexpr int streamed_rows = Tile::row_bytes <= 128 ? 64 : Tile::row_bytes <= 256 ? 32 : 16;
    static constexpr int streamed_columns = streamed_rows / 8;
    static constexpr int kept_bytes = kept_rows * Tile::row_bytes;
    static constexpr int streamed_bytes = streamed_rows * Tile::row_bytes;
};

struct Lane {
    int warp = static_cast<int>(threadIdx.x) / 32;
    int lane = static_cast<int>(threadIdx.x) % 32;

    // Coordinates of an accumulator's elements within the kept tile's rows and the product's columns.
    LSK_DEVICE int row(int i) const { return warp * rows_of_warp + lane / 4 + i / 2 * 8; }
    LSK_DEVICE int column(int n, int i) const { return n * 8 + lane % 4 * 2 + i % 2; }
};

template <class Config>
LSK_DEVICE RowSource<typename Config::Element> source_of(const void* tensor, int64_t first_row, int width, RowAlignment alignment) {
    return {static_cast<const typename Config::Element*>(tensor) + first_row * width, width, width, alignment};
}

// Starts copying rows of a contiguous tensor.
template <class Config>
LSK_DEVICE void load(std::byte* tile, int rows, const void* tensor, int64_t first_row, int64_t valid_rows, int width, RowAlignment alignment) {
    load_tile<typename Config::Tile>(tile, source_of<Config>(tensor, first_row, width, alignment), rows, static_cast<int>(min(int64_t(rows), valid_rows)),
                                     static_cast<int>(threadIdx.x), threads);
}

// Starts copying factors of rows; without normalization they are the same for all.
LSK_DEVICE void load_factors(SketchFactors* to, int rows, const SketchFactors* from, int valid_rows) {
    const auto i = static_cast<int>(threadIdx.x);
    if (i >= rows) return;
    if (from)
        ptx::cp_async8(ptx::shared_address(to + i), from + (i < valid_rows ? i : 0), i < valid_rows);
    else
        to[i] = {1.0f, 0.0f};
}

// Adds one product outside of the tensor cores, which truncate.
template <class Element>
LSK_DEVICE void add_product(float (&sums)[4], const typename Fragment<Element>::A& a, const typename Fragment<Element>::B& b) {
    float product[4] = {};
    multiply(product, a, b);
    LSK_UNROLL for (int i = 0; i < 4; i++) sums[i] += product[i];
}

// products = kept rows of the warp times streamed rows, over `width` columns.
template <class Config>
LSK_DEVICE void row_products(float (&products)[Config::streamed_columns][4], uint32_t kept, uint32_t streamed, int width, const Lane& at) {
    using Element = typename Config::Element;
    LSK_UNROLL for (int n = 0; n < Config::streamed_columns; n++)
        LSK_UNROLL for (int i = 0; i < 4; i++) products[n][i] = 0.0f;
    LSK_UNROLL_TWICE for (int step = 0; step * Fragment<Element>::k_elements < width; step++) {  // more would cost registers that the sums need
        const auto a = load_a<typename Config::Tile, Element>(kept, at.warp * rows_of_warp, step, at.lane);
        LSK_UNROLL for (int n = 0; n < Config::streamed_columns; n += 2) {
            typename Fragment<Element>::B b[2];
            load_b_by_row<typename Config::Tile, Element>(b, streamed, n * 8, step, at.lane);
            LSK_UNROLL for (int side = 0; side < 2; side++) {
                if constexpr (sizeof(Element) == 4)
                    add_product<Element>(products[n + side], a, b[side]);
                else
                    multiply(products[n + side], a, b[side]);
            }
        }
    }
}

// sums += weights times streamed rows, of `width` columns. The depth of a tile at most is added up by tensor cores: sums run over a whole history.
template <class Config>
LSK_DEVICE void add_weighted_rows(float (&sums)[Config::width_columns][4], const float (&weights)[Config::streamed_columns][4], uint32_t streamed, int width,
                                  const Lane& at) {
    using Element = typename Config::Element;
    constexpr int k_columns = Fragment<Element>::k_columns, steps = Config::streamed_columns / k_columns;
    typename Fragment<Element>::A a[steps];
    if constexpr (sizeof(Element) == 2) {
        LSK_UNROLL for (int step = 0; step < steps; step++) a[step] = as_a<Element>(weights, step * k_columns);
        LSK_UNROLL for (int n = 0; n < Config::width_columns; n += 2) {
            if (n * 8 >= width) continue;
            float products[2][4] = {};
            LSK_UNROLL for (int step = 0; step < steps; step++) {
                typename Fragment<Element>::B b[2];
                load_b_by_column<typename Config::Tile, Element>(b, streamed, step * Fragment<Element>::k_elements, n * 8, at.lane);
                multiply(products[0], a[step], b[0]);
                multiply(products[1], a[step], b[1]);
            }
            LSK_UNROLL for (int i = 0; i < 4; i++) {
                sums[n][i] += products[0][i];
                sums[n + 1][i] += products[1][i];
            }
        }
    } else {
        LSK_UNROLL for (int step = 0; step < steps; step++) {
            a[0] = as_a<Element>(weights, step);
            LSK_UNROLL for (int n = 0; n < Config::width_columns; n += 2) {
                if (n * 8 >= width) continue;
                typename Fragment<Element>::B b[2];
                load_b_by_column<typename Config::Tile, Element>(b, streamed, step * Fragment<Element>::k_elements, n * 8, at.lane);
                add_product<Element>(sums[n], a[0], b[0]);
                add_product<Element>(sums[n + 1], a[0], b[1]);
            }
        }
    }
}

// A logit, rounded: the product is not fused with what follows, so that every kernel sees the same one.
LSK_DEVICE float logit_of(float product, float scale) { return __fmul_rn(product, scale); }

// A = exp(logit - lse), natural up to the difference: a token's only prototype has weight 1 to the bit, and large logits keep their bits.
LSK_DEVICE float weight_of(float product, float scale, float log_sum_exp) { return ptx::exp2((logit_of(product, scale) - log_sum_exp) * log2_e); }

// Sum over the four lanes that share rows of accumulators.
LSK_DEVICE float row_sum(float value) { return group_sum(value, 4); }

// Stores accumulators as rows of a contiguous tensor, scaled by a factor per row. The lanes of a quad fill whole 32-byte sectors: fp32 as they are,
// half-width elements after neighbours have exchanged one of two tiles of columns, so that each has four columns of one.
template <class Config>
LSK_DEVICE void store_rows(void* tensor, int64_t first_row, int valid_rows, int width, RowAlignment alignment, const float (&sums)[Config::width_columns][4],
                           const float (&factors)[2], const Lane& at) {
    using Element = typename Config::Element;
    auto* rows = static_cast<Element*>(tensor) + first_row * width;
    LSK_UNROLL for (int half = 0; half < 2; half++) {
        const int row = at.row(half * 2), i = half * 2;
        Element* to = rows + int64_t(row) * width;
        LSK_UNROLL for (int n = 0; n < Config::width_columns; n += 2) {
            if (n * 8 >= width) continue;
            if (alignment == RowAlignment::elements) {
                LSK_UNROLL for (int side = 0; side < 4; side++) {
                    const int column = at.column(n + side / 2, side % 2);
                    if (row < valid_rows && column < width) to[column] = device::from_float<Element>(sums[n + side / 2][i + side % 2] * factors[half]);
                }
            } else if constexpr (sizeof(Element) == 4) {
                LSK_UNROLL for (int side = 0; side < 2; side++)
                    if (row < valid_rows && at.column(n + side, 0) < width)
                        *reinterpret_cast<float2*>(to + at.column(n + side, 0)) = make_float2(sums[n + side][i] * factors[half], sums[n + side][i + 1] * factors[half]);
            } else {
                const bool odd = at.lane % 2 != 0;
                const uint32_t first = device::pack<Element>(sums[n][i] * factors[half], sums[n][i + 1] * factors[half]);
                const uint32_t second = device::pack<Element>(sums[n + 1][i] * factors[half], sums[n + 1][i + 1] * factors[half]);
                const uint32_t received = __shfl_xor_sync(all_lanes, odd ? first : second, 1);
                const int column = odd ? at.column(n + 1, 0) - 2 : at.column(n, 0);
                if (row < valid_rows && column < width)
                    *reinterpret_cast<uint2*>(to + column) = odd ? make_uint2(received, second) : make_uint2(first, received);
            }
        }
    }
}

}  // namespace lsk::sketch_attention
