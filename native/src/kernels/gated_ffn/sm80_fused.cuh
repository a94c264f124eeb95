// y = LN(((x Wu + bu) * silu(x Wv + bv)) Wo + bo) for a tile of rows that stays in shared memory. Hidden columns are taken in slices: u and g of a slice
// are accumulators, become h in registers, and h is at once the left operand of the product with Wo. Hidden rows never leave the registers. The slices
// of the three weights come through a double buffer of cp.async.
#pragma once
#include "device/chunk.cuh"
#include "kernels/gated_ffn/fused.h"
#include "kernels/gated_ffn/silu.cuh"
#include "kernels/linear/sm80_operands.cuh"
#include "longseqkernels/lsk.h"

namespace lsk::gated_ffn {

using linear::Depth;
using linear::OperandLayout;

template <class Element, int Width>
struct FusedConfig {
    static constexpr bool wide = sizeof(Element) == 4;
    static constexpr int width = Width;                 // of the tile; columns past the rows' own are zeros
    static constexpr int warps = wide ? 4 : 8;
    static constexpr int threads = warps * 32;
    static constexpr int rows = warps * 16;
    static constexpr int blocks = wide && Width == 64 ? 2 : 0;  // a multiprocessor, at least; 0: ptxas finds a number of registers without spills by itself
    static constexpr int slice = 32;                    // hidden columns
    static constexpr int stages = wide && Width == 128 ? 1 : 2;  // of fp32 two do not fit
    static constexpr int width_steps = Width / Fragment<Element>::k_elements;
    static constexpr int slice_steps = slice / Fragment<Element>::k_elements;
    static constexpr int width_fragments = Width / 8;
    static constexpr int slice_fragments = slice / 8;
    using Rows = TileLayout<Element, Width>;
};

// A slice of Wu or Wv has rows of 64 bytes in half-width types, which pair up in 128-byte lines; fp32 is read 4 bytes at a time, four rows by eight columns.
template <class Element, int Width>
struct FusedLayouts {
    using Hidden = TileLayout<Element, FusedConfig<Element, Width>::slice>;
    using Down = TileLayout<Element, Width>;
};
template <int Width>
struct FusedLayouts<float, Width> {
    using Hidden = OperandLayout<float, FusedConfig<float, Width>::slice>;
    using Down = TileLayout<float, Width>;  // read in the order of accumulators
};

template <class Element, int Width>
struct FusedShared {
    using C = FusedConfig<Element, Width>;
    using L = FusedLayouts<Element, Width>;
    struct Stage {
        std::byte up[Width * L::Hidden::row_bytes];
        std::byte gate[Width * L::Hidden::row_bytes];
        std::byte down[C::slice * L::Down::row_bytes];
    };
    std::byte input[C::rows * C::Rows::row_bytes];  // and each warp's output rows at the end
    Stage stage[C::stages];
};

template <class Element, int Width>
LSK_DEVICE void load_slice(typename FusedShared<Element, Width>::Stage& stage, const FusedFfnParams& p, int first) {
    using C = FusedConfig<Element, Width>;
    using L = FusedLayouts<Element, Width>;
    if (first < p.hidden_width) {
        const int columns = min(C::slice, p.hidden_width - first);
        const RowSource<Element> up{static_cast<const Element*>(p.up) + first, p.hidden_width, columns, p.hidden_alignment};
        const RowSource<Element> gate{static_cast<const Element*>(p.gate) + first, p.hidden_width, columns, p.hidden_alignment};
        const RowSource<Element> down{static_cast<const Element*>(p.down) + int64_t(first) * p.width, p.width, p.width, p.row_alignment};
        load_tile<typename L::Hidden>(stage.up, up, Width, p.width, threadIdx.x, C::threads);
        load_tile<typename L::Hidden>(stage.gate, gate, Width, p.width, threadIdx.x, C::threads);
        load_tile<typename L::Down>(stage.down, down, C::slice, columns, threadIdx.x, C::threads);
    }
    ptx::cp_async_commit();
}

template <int Fragments>
LSK_DEVICE void clear(Accumulator (&sum)[Fragments]) {
    LSK_UNROLL for (int i = 0; i < Fragments; i++)
        LSK_UNROLL for (int k = 0; k < 4; k++) sum[i][k] = 0.0f;
}

// x times a slice of Wu and of Wv.
template <class Element, int Width>
LSK_DEVICE void multiply_slice(Accumulator (&up)[FusedConfig<Element, Width>::slice_fragments], Accumulator (&gate)[FusedConfig<Element, Width>::slice_fragments],
                               const std::byte* input, const typename FusedShared<Element, Width>::Stage& stage, int first_row, int lane) {
    using C = FusedConfig<Element, Width>;
    using Hidden = typename FusedLayouts<Element, Width>::Hidden;
    const uint32_t rows = ptx::shared_address(input), up_weights = ptx::shared_address(stage.up), gate_weights = ptx::shared_address(stage.gate);
    clear(up);
    clear(gate);
    LSK_UNROLL_TWICE for (int step = 0; step < C::width_steps; step++) {
        const auto a = load_a<typename C::Rows, Element>(rows, first_row, step, lane);
        LSK_UNROLL for (int j = 0; j < C::slice_fragments; j += 2) {
            typename Fragment<Element>::B b[2];
            linear::load_right<Depth::over_rows, Hidden, Element>(b, up_weights, j * 8, step, lane);
            linear::multiply_step(up[j], a, b[0]);
            linear::multiply_step(up[j + 1], a, b[1]);
            linear::load_right<Depth::over_rows, Hidden, Element>(b, gate_weights, j * 8, step, lane);
            linear::multiply_step(gate[j], a, b[0]);
            linear::multiply_step(gate[j + 1], a, b[1]);
        }
    }
}

template <class Element>
LSK_DEVICE float parameter(const void* tensor, int column, int width, float otherwise) {
    return tensor && column < width ? device::to_float(static_cast<const Element*>(tensor)[column]) : otherwise;
}

// u becomes h = (u + bu) silu(g + bv). Columns past the hidden width are 0: their weights are.
template <class Element, int Width>
LSK_DEVICE void apply_gate(Accumulator (&up)[FusedConfig<Element, Width>::slice_fragments], const Accumulator (&gate)[FusedConfig<Element, Width>::slice_fragments],
                           const FusedFfnParams& p, int first, int lane) {
    LSK_UNROLL for (int j = 0; j < FusedConfig<Element, Width>::slice_fragments; j++)
        LSK_UNROLL for (int k = 0; k < 4; k++) {
            const int column = first + j * 8 + lane % 4 * 2 + k % 2;
            const float u = up[j][k] + parameter<Element>(p.up_bias, column, p.hidden_width, 0.0f);
            up[j][k] = u * silu(gate[j][k] + parameter<Element>(p.gate_bias, column, p.hidden_width, 0.0f));
        }
}

// Sum over the four lanes that share a row of accumulators.
LSK_DEVICE float row_sum(float value) {
    value += __shfl_xor_sync(all_lanes, value, 1);
    return value + __shfl_xor_sync(all_lanes, value, 2);
}

// Layer norm of the rows of accumulators: rows g (half 0) and g + 8 (half 1) of the warp's sixteen.
template <class Element, int Width>
LSK_DEVICE void normalize(Accumulator (&y)[Width / 8], const FusedFfnParams& p, int lane) {
    LSK_UNROLL for (int half = 0; half < 2; half++) {
        float sum = 0.0f;
        LSK_UNROLL for (int j = 0; j < Width / 8; j++)
            LSK_UNROLL for (int k = 0; k < 2; k++) sum += y[j][2 * half + k];  // columns past the width are 0
        const float mean = row_sum(sum) / float(p.width);
        float deviations = 0.0f, squares = 0.0f;
        LSK_UNROLL for (int j = 0; j < Width / 8; j++)
            LSK_UNROLL for (int k = 0; k < 2; k++) {
                const float deviation = j * 8 + lane % 4 * 2 + k < p.width ? y[j][2 * half + k] - mean : 0.0f;
                deviations += deviation;
                squares += deviation * deviation;
            }
        const float off = row_sum(deviations) / float(p.width);
        const float variance = fmaxf(row_sum(squares) / float(p.width) - off * off, 0.0f), inverse = 1.0f / sqrtf(variance + p.epsilon);
        LSK_UNROLL for (int j = 0; j < Width / 8; j++)
            LSK_UNROLL for (int k = 0; k < 2; k++) {
                const int column = j * 8 + lane % 4 * 2 + k;
                const float normalized = (y[j][2 * half + k] - mean - off) * inverse;
                y[j][2 * half + k] = normalized * parameter<Element>(p.norm_gain, column, p.width, 1.0f) + parameter<Element>(p.norm_bias, column, p.width, 0.0f);
            }
    }
}

// The warp's sixteen rows through shared memory, where its rows of x were, so that they are written 16 bytes at a time.
template <class Element, int Width>
LSK_DEVICE void store_rows(const Accumulator (&y)[Width / 8], std::byte* tile, const FusedFfnParams& p, int64_t first_row, int first_tile_row, int lane) {
    using C = FusedConfig<Element, Width>;
    constexpr int elements = Chunk<Element>::elements;
    __syncwarp();
    LSK_UNROLL for (int j = 0; j < Width / 8; j++)
        LSK_UNROLL for (int half = 0; half < 2; half++) {
            std::byte* to = tile + C::Rows::element_offset(first_tile_row + half * 8 + lane / 4, j * 8 + lane % 4 * 2);
            if constexpr (sizeof(Element) == 4)
                *reinterpret_cast<float2*>(to) = make_float2(y[j][2 * half], y[j][2 * half + 1]);
            else
                *reinterpret_cast<uint32_t*>(to) = device::pack<Element>(y[j][2 * half], y[j][2 * half + 1]);
        }
    __syncwarp();
    for (int i = lane; i < 16 * C::Rows::chunks; i += 32) {
        const int row = i / C::Rows::chunks, column = i % C::Rows::chunks * elements;
        if (first_row + row >= p.rows || column >= p.width) continue;
        const uint4 bits = *reinterpret_cast<const uint4*>(tile + C::Rows::offset(first_tile_row + row, i % C::Rows::chunks));
        store_chunk(static_cast<Element*>(p.output) + (first_row + row) * p.width, column, p.width, p.row_alignment, unpack_chunk<Element>(bits));
    }
}

template <class Element, int Width>
__global__ __launch_bounds__((FusedConfig<Element, Width>::threads), (FusedConfig<Element, Width>::blocks)) void fused_kernel(const FusedFfnParams p) {
    LSK_SHARED(bytes);
    using C = FusedConfig<Element, Width>;
    using L = FusedLayouts<Element, Width>;
    auto& shared = *reinterpret_cast<FusedShared<Element, Width>*>(bytes);
    const int lane = threadIdx.x % 32, first_tile_row = threadIdx.x / 32 * 16;
    const int64_t first_row = int64_t(blockIdx.x) * C::rows;
    const RowSource<Element> input{static_cast<const Element*>(p.input) + first_row * p.width, p.width, p.width, p.row_alignment};
    load_tile<typename C::Rows>(shared.input, input, C::rows, int(min(p.rows - first_row, int64_t(C::rows))), threadIdx.x, C::threads);
    load_slice<Element, Width>(shared.stage[0], p, 0);

    Accumulator y[C::width_fragments];
    clear(y);
    const bool inside = first_row + first_tile_row < p.rows;  // of the warp's rows: one
    const int slices = (p.hidden_width + C::slice - 1) / C::slice;
    for (int slice = 0; slice < slices; slice++) {
        ptx::cp_async_wait<0>();
        __syncthreads();  // this slice has landed for all, and the other buffer is free
        if constexpr (C::stages == 2) load_slice<Element, Width>(shared.stage[(slice + 1) % 2], p, (slice + 1) * C::slice);
        const auto& stage = shared.stage[slice % C::stages];
        if (inside) {
            Accumulator hidden[C::slice_fragments], gate[C::slice_fragments];
            multiply_slice<Element, Width>(hidden, gate, shared.input, stage, first_tile_row, lane);
            apply_gate<Element, Width>(hidden, gate, p, slice * C::slice, lane);
            const uint32_t down = ptx::shared_address(stage.down);
            LSK_UNROLL for (int step = 0; step < C::slice_steps; step++) {
                const auto a = as_a<Element>(hidden, step * Fragment<Element>::k_columns);
                LSK_UNROLL for (int j = 0; j < C::width_fragments; j += 2) {
                    typename Fragment<Element>::B b[2];
                    load_b_by_column<typename L::Down, Element>(b, down, step * Fragment<Element>::k_elements, j * 8, lane);
                    linear::multiply_step(y[j], a, b[0]);
                    linear::multiply_step(y[j + 1], a, b[1]);
                }
            }
        }
        if constexpr (C::stages == 1) {
            __syncthreads();  // all have read the slice
            load_slice<Element, Width>(shared.stage[0], p, (slice + 1) * C::slice);
        }
    }
    ptx::cp_async_wait<0>();
    if (!inside) return;
    LSK_UNROLL for (int j = 0; j < C::width_fragments; j++)
        LSK_UNROLL for (int k = 0; k < 4; k++) y[j][k] += parameter<Element>(p.down_bias, j * 8 + lane % 4 * 2 + k % 2, p.width, 0.0f);
    if (p.norm == LSK_FFN_NORM_LAYER) normalize<Element, Width>(y, p, lane);
    store_rows<Element, Width>(y, shared.input, p, first_row + first_tile_row, first_tile_row, lane);
}

}  // namespace lsk::gated_ffn
