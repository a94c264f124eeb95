// A state as an operand of products with rows: 64 x 64 blocks of phi2(s M) in shared memory, and the activated rows that meet them.
#pragma once
#include <cstddef>
#include "device/conversions.cuh"
#include "device/fragment.cuh"
#include "kernels/linear_attention/activation.cuh"
#include "kernels/linear_attention/linear_attention.h"

namespace lsk::linear_attention {

constexpr int row_warps = 4;
constexpr int row_threads = row_warps * 32;
constexpr int row_blocks = 3;  // on a multiprocessor, at least: what shared memory has room for, so that registers are not saved below it
constexpr int rows_of_tile = linear_attention_tile_rows;
constexpr int rows_of_warp = rows_of_tile / row_warps;
constexpr int state_block = linear_attention_block;
constexpr int product_columns = state_block / 8;
constexpr int staged_stride = state_block + 8;  // floats: rows of accumulators are written without bank conflicts
static_assert(rows_of_warp == 16, "a warp owns the rows of one product");

// The numbers that products of rows and states are made of. fp16 does not reach as far as a sum over a history: its operands are pairs of bf16.
template <class Element>
struct StateOperand {
    using Piece = Element;
    static constexpr int pieces = 1;
};
template <>
struct StateOperand<fp16> {
    using Piece = bf16;
    static constexpr int pieces = 2;
};

template <class Element>
struct StateRowsConfig {
    using Operand = StateOperand<Element>;
    using RowTile = TileLayout<Element, state_block>;
    using StateTile = TileLayout<typename Operand::Piece, state_block>;
    static constexpr int stages = sizeof(Element) == 4 ? 2 : 3;

    struct SharedMemory {
        alignas(128) std::byte rows[stages][rows_of_tile * RowTile::row_bytes];
        alignas(128) std::byte state[Operand::pieces][state_block * StateTile::row_bytes];
        alignas(16) float staged[rows_of_tile][staged_stride];
        float key_dots[rows_of_tile];    // phi1(key) . phi1(self key)
        float value_dots[rows_of_tile];  // value . self value
    };

    // Row of the state that lies in row `slot` of its tile. fp32 rows are exchanged within eights, so that load_b_by_column takes them in the order
    // of an A operand that comes from ldmatrix.
    static LSK_DEVICE int state_row(int slot) { return sizeof(Element) == 4 ? (slot & ~7) | (slot & 7) >> 1 | (slot & 1) << 2 : slot; }
};

// Numbers as A operands whose sum they are: 16 activated rows from `first_row`, depth step `step`.
template <class Element>
struct RowOperand {
    typename Fragment<typename StateOperand<Element>::Piece>::A piece[StateOperand<Element>::pieces];
};

template <class Layout, class Element>
LSK_DEVICE RowOperand<Element> load_activated(uint32_t tile, int first_row, int step, lsk_activation activation, int lane) {
    using Piece = typename StateOperand<Element>::Piece;
    RowOperand<Element> a;
    uint32_t r[4];
    ptx::ldmatrix_x4(r, tile + Layout::offset(first_row + lane % 16, step * 2 + lane / 16));
    LSK_UNROLL for (int i = 0; i < 4; i++) {
        if constexpr (sizeof(Element) == 4) {
            Fragment<float>::split(__float_as_uint(activate(activation, __uint_as_float(r[i]))), a.piece[0].high[i], a.piece[0].low[i]);
        } else {
            const float2 raw = device::unpack<Element>(r[i]);
            const float x = activate(activation, raw.x), y = activate(activation, raw.y);
            a.piece[0].r[i] = Fragment<Piece>::pack(x, y);
            if constexpr (StateOperand<Element>::pieces == 2) {
                const float2 kept = device::unpack<Piece>(a.piece[0].r[i]);
                a.piece[1].r[i] = Fragment<Piece>::pack(x - kept.x, y - kept.y);
            }
        }
    }
    return a;
}

enum class Direction { to_values, to_keys };

// The products of one depth step. Tensor cores truncate what they add up: fp32 keeps its last bits by adding outside of them.
template <class Element, class B>
LSK_DEVICE void add_product(float (&sums)[4], const RowOperand<Element>& a, const B& b, int side) {
    if constexpr (sizeof(Element) == 4) {
        float products[4] = {};
        multiply(products, a.piece[0], b[0][side]);
        LSK_UNROLL for (int i = 0; i < 4; i++) sums[i] += products[i];
    } else {
        if constexpr (StateOperand<Element>::pieces == 2) {
            multiply(sums, a.piece[1], b[0][side]);
            multiply(sums, a.piece[0], b[1][side]);
        }
        multiply(sums, a.piece[0], b[0][side]);
    }
}

// sums += rows * S, or rows * S^T, over the depth of one block.
template <Direction direction, class Element, class SharedMemory>
LSK_DEVICE void multiply_block(float (&sums)[product_columns][4], const SharedMemory& shared, const std::byte* rows, lsk_activation activation, int columns, int warp,
                               int lane) {
    using Config = StateRowsConfig<Element>;
    using Piece = typename Config::Operand::Piece;
    constexpr int pieces = Config::Operand::pieces;
    const uint32_t tile = ptx::shared_address(rows);
    for (int step = 0; step < state_block / Fragment<Element>::k_elements; step++) {
        const auto a = load_activated<typename Config::RowTile, Element>(tile, warp * rows_of_warp, step, activation, lane);
        LSK_UNROLL for (int n = 0; n < product_columns; n += 2) {
            if (n * 8 >= columns) continue;
            typename Fragment<Piece>::B b[pieces][2];
            LSK_UNROLL for (int piece = 0; piece < pieces; piece++) {
                const uint32_t state = ptx::shared_address(shared.state[piece]);
                if constexpr (direction == Direction::to_values)
                    load_b_by_column<typename Config::StateTile, Piece>(b[piece], state, step * Fragment<Piece>::k_elements, n * 8, lane);
                else
                    load_b_by_row<typename Config::StateTile, Piece>(b[piece], state, n * 8, step, lane);
            }
            LSK_UNROLL for (int side = 0; side < 2; side++) add_product<Element>(sums[n + side], a, b, side);
        }
    }
}

}  // namespace lsk::linear_attention
