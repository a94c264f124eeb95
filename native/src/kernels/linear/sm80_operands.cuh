// Operands of a matrix product in shared memory, in both orders: depth along the tile's rows, or over them. One layout serves ldmatrix (eight rows at
// a chunk), its transposed form, and for fp32, which ldmatrix cannot transpose, 4-byte reads of four rows by eight columns, all without bank conflicts.
#pragma once
#include "device/fragment.cuh"

namespace lsk::linear {

// Rows of whole 128-byte lines, whose 16-byte chunks are exchanged by an XOR that differs in eight successive rows, and in steps of two in the first
// four and the last four: those four rows' pairs of chunks fill a line.
template <class Element, int Width>
struct OperandLayout {
    static constexpr int width = Width;
    static constexpr int chunk_elements = 16 / int(sizeof(Element));
    static constexpr int row_bytes = Width * int(sizeof(Element));
    static constexpr int chunks = row_bytes / 16;
    static_assert(chunks % 8 == 0, "rows of whole 128-byte lines");

    static LSK_DEVICE uint32_t offset(int row, int chunk) {
        const int exchange = (row & 3) << 1 | (row >> 2 & 1);
        return static_cast<uint32_t>(row * row_bytes + (chunk ^ exchange) * 16);
    }
    static LSK_DEVICE uint32_t element_offset(int row, int column) {
        return offset(row, column / chunk_elements) + static_cast<uint32_t>(column % chunk_elements * int(sizeof(Element)));
    }
};

// Which way the depth of the product runs in an operand's tile.
enum class Depth { along_rows, over_rows };

// Left operand, 16 rows of the product from `first`, depth step `step`.
template <Depth depth, class Layout, class Element>
LSK_DEVICE typename Fragment<Element>::A load_left(uint32_t tile, int first, int step, int lane) {
    if constexpr (depth == Depth::along_rows) {
        return load_a<Layout, Element>(tile, first, step, lane);
    } else {
        typename Fragment<Element>::A a;
        if constexpr (sizeof(Element) == 4) {
            LSK_UNROLL for (int i = 0; i < 4; i++) {
                const uint32_t at = tile + Layout::element_offset(step * 8 + i / 2 * 4 + lane % 4, first + i % 2 * 8 + lane / 4);
                Fragment<float>::split(ptx::load_shared32(at), a.high[i], a.low[i]);
            }
        } else {
            ptx::ldmatrix_x4_trans(a.r, tile + Layout::offset(step * 16 + lane % 8 + lane / 16 * 8, first / 8 + lane / 8 % 2));
        }
        return a;
    }
}

// Two right operands: 16 columns of the product from `first`, depth step `step`.
template <Depth depth, class Layout, class Element>
LSK_DEVICE void load_right(typename Fragment<Element>::B (&b)[2], uint32_t tile, int first, int step, int lane) {
    if constexpr (depth == Depth::along_rows) {
        load_b_by_row<Layout, Element>(b, tile, first, step, lane);
    } else if constexpr (sizeof(Element) == 4) {
        LSK_UNROLL for (int i = 0; i < 4; i++) {
            const uint32_t at = tile + Layout::element_offset(step * 8 + i % 2 * 4 + lane % 4, first + i / 2 * 8 + lane / 4);
            Fragment<float>::split(ptx::load_shared32(at), b[i / 2].high[i % 2], b[i / 2].low[i % 2]);
        }
    } else {
        load_b_by_column<Layout, Element>(b, tile, step * 16, first, lane);
    }
}

// One step of a product. The tensor core truncates what it accumulates, so for fp32 it starts from 0 and an ordinary addition does the rest.
template <class A, class B>
LSK_DEVICE void multiply_step(Accumulator& sum, const A& a, const B& b) {
    multiply(sum, a, b);
}

LSK_DEVICE void multiply_step(Accumulator& sum, const Fragment<float>::A& a, const Fragment<float>::B& b) {
    Accumulator of_step = {0.0f, 0.0f, 0.0f, 0.0f};
    multiply(of_step, a, b);  // small products first
    LSK_UNROLL for (int i = 0; i < 4; i++) sum[i] += of_step[i];
}

}  // namespace lsk::linear
