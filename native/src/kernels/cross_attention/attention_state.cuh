// The state of a warp's rows: unnormalised output, running maximum and sum of weights, in accumulator layout; and how two states become one.
#pragma once
#include "device/fragment.cuh"
#include "device/warp.cuh"
#include "kernels/cross_attention/forward_geometry.h"

namespace lsk::forward {

// One compiled variant.
template <class ElementType, int Width, int RowTiles, int Slice>
struct Config {
    using Element = ElementType;
    using Layout = TileLayout<Element, Width>;
    static constexpr int width = Width;
    static constexpr int row_tiles = RowTiles;
    static constexpr int rows = RowTiles * 16;        // of a warp
    static constexpr int slice = Slice;               // tokens of a stage
    static constexpr int columns = Width / 8;         // accumulators of a row tile's output
    static constexpr int token_columns = Slice / 8;   // accumulators of a row tile's logits
    static constexpr int depth = Width * int(sizeof(Element)) / 32;  // matrix products that make one logit tile
    static constexpr int vectors = state_vectors(RowTiles, Width);
    static constexpr int staged = staged_columns(Width);
    template <class Output>
    static constexpr int pitch = staging_pitch(staged, int(sizeof(Output)));
    static_assert(Slice % 16 == 0 && Width % 16 == 0 && RowTiles <= 2);
    static_assert(RowTiles * Width <= 256, "the output must fit the registers");
};

template <class Config>
struct RowState {
    float output[Config::row_tiles][Config::columns][4];
    float top[Config::row_tiles][2];  // the log2 logit that weights are relative to; -infinity before the first visible token
    float sum[Config::row_tiles][2];  // this lane's share of the weights

    LSK_DEVICE void clear() {
        LSK_UNROLL for (int r = 0; r < Config::row_tiles; r++) {
            LSK_UNROLL for (int c = 0; c < Config::columns; c++) LSK_UNROLL for (int e = 0; e < 4; e++) output[r][c][e] = 0.0f;
            LSK_UNROLL for (int h = 0; h < 2; h++) top[r][h] = -INFINITY, sum[r][h] = 0.0f;
        }
    }

    LSK_DEVICE void scale_row(int r, int h, float factor) {
        LSK_UNROLL for (int c = 0; c < Config::columns; c++) {
            output[r][c][h * 2] *= factor;
            output[r][c][h * 2 + 1] *= factor;
        }
        sum[r][h] *= factor;
    }

    // Leaves the state where the same lane of another warp can take it up: vectors lane by lane, so that every access is a whole line.
    LSK_DEVICE void put(float4* slot, int lane) const {
        LSK_UNROLL for (int r = 0; r < Config::row_tiles; r++) {
            LSK_UNROLL for (int c = 0; c < Config::columns; c++)
                slot[(r * (Config::columns + 1) + c) * 32 + lane] = make_float4(output[r][c][0], output[r][c][1], output[r][c][2], output[r][c][3]);
            slot[(r * (Config::columns + 1) + Config::columns) * 32 + lane] = make_float4(top[r][0], top[r][1], sum[r][0], sum[r][1]);
        }
    }

    // Adds the state of other tokens of the same rows.
    LSK_DEVICE void merge(const float4* slot, int lane) {
        LSK_UNROLL for (int r = 0; r < Config::row_tiles; r++) {
            const float4* const from = slot + r * (Config::columns + 1) * 32 + lane;
            const float4 rows = from[Config::columns * 32];
            const float other_top[2] = {rows.x, rows.y}, other_sum[2] = {rows.z, rows.w};
            float own_factor[2], factor[2];
            LSK_UNROLL for (int h = 0; h < 2; h++) {
                const float common = fmaxf(top[r][h], other_top[h]);
                const float base = common == -INFINITY ? 0.0f : common;  // both empty: 0 + 0, and no infinity minus infinity
                own_factor[h] = ptx::exp2(top[r][h] - base);
                factor[h] = ptx::exp2(other_top[h] - base);
                sum[r][h] = own_factor[h] * sum[r][h] + factor[h] * other_sum[h];
                top[r][h] = common;
            }
            LSK_UNROLL for (int c = 0; c < Config::columns; c++) {
                if (c % columns_in_flight == 0) __syncwarp();  // the compiler would load all columns at once, and has no registers for that
                const float4 other = from[c * 32];
                output[r][c][0] = own_factor[0] * output[r][c][0] + factor[0] * other.x;
                output[r][c][1] = own_factor[0] * output[r][c][1] + factor[0] * other.y;
                output[r][c][2] = own_factor[1] * output[r][c][2] + factor[1] * other.z;
                output[r][c][3] = own_factor[1] * output[r][c][3] + factor[1] * other.w;
            }
        }
    }

    static constexpr int columns_in_flight = 8;
};

}  // namespace lsk::forward
