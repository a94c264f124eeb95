// Operands of a warp's matrix products (mma.sync, m16n8, k = 32 bytes: 16 half-width elements or 8 fp32) out of tiles and accumulators.
// fp32 goes through three TF32 products, a_hi b_hi + a_hi b_lo + a_lo b_hi, which keep 21 bits of every factor.
// Lane naming of the PTX manual: g = lane / 4, t = lane % 4; an accumulator holds rows g and g + 8, columns 2t and 2t + 1.
#pragma once
#include "device/ptx.cuh"
#include "device/tile.cuh"

namespace lsk {

using Accumulator = float[4];

template <class Element>
struct Fragment;

// What bf16 and fp16 have in common.
template <class Element>
struct HalfFragment {
    static constexpr int k_elements = 16;   // depth of one product
    static constexpr int k_columns = 2;     // accumulators (8 columns each) that make one product's depth as an A operand

    struct A {
        uint32_t r[4];
    };
    struct B {
        uint32_t r[2];
    };
};

// D += A B.
LSK_DEVICE void multiply(Accumulator& d, const HalfFragment<bf16>::A& a, const HalfFragment<bf16>::B& b) { ptx::mma_bf16_16816(d, a.r, b.r); }
LSK_DEVICE void multiply(Accumulator& d, const HalfFragment<fp16>::A& a, const HalfFragment<fp16>::B& b) { ptx::mma_fp16_16816(d, a.r, b.r); }

template <>
struct Fragment<bf16> : HalfFragment<bf16> {
    static LSK_DEVICE uint32_t pack(float low, float high) { return ptx::pack_bf16(low, high); }
};

template <>
struct Fragment<fp16> : HalfFragment<fp16> {
    static LSK_DEVICE uint32_t pack(float low, float high) { return ptx::pack_fp16(low, high); }
};

template <>
struct Fragment<float> {
    static constexpr int k_elements = 8;
    static constexpr int k_columns = 1;

    struct A {
        uint32_t high[4], low[4];
    };
    struct B {
        uint32_t high[2], low[2];
    };

    static LSK_DEVICE void split(uint32_t bits, uint32_t& high, uint32_t& low) {
        high = ptx::to_tf32(__uint_as_float(bits));
        low = ptx::to_tf32(__uint_as_float(bits) - __uint_as_float(high));
    }
};

LSK_DEVICE void multiply(Accumulator& d, const Fragment<float>::A& a, const Fragment<float>::B& b) {
    ptx::mma_tf32_1688(d, a.low, b.high);
    ptx::mma_tf32_1688(d, a.high, b.low);
    ptx::mma_tf32_1688(d, a.high, b.high);
}

// An A operand of storage bits, as ldmatrix leaves them.
template <class Element>
LSK_DEVICE typename Fragment<Element>::A as_operand(const uint32_t (&r)[4]) {
    typename Fragment<Element>::A a;
    if constexpr (sizeof(Element) == 4) {
        LSK_UNROLL for (int i = 0; i < 4; i++) Fragment<float>::split(r[i], a.high[i], a.low[i]);
    } else {
        LSK_UNROLL for (int i = 0; i < 4; i++) a.r[i] = r[i];
    }
    return a;
}

// The offset of a lane's place, `row` and chunk 0 or 1 of a block of the tile that begins at `first_row` (a multiple of 8) and `first_chunk` (even).
template <class Layout>
LSK_DEVICE uint32_t block_offset(int row, int chunk, int first_row, int first_chunk) {
    if constexpr (requires { Layout::advance(0u, 0, 0); })
        return Layout::advance(Layout::offset(row, chunk), first_row, first_chunk);
    else
        return Layout::offset(first_row + row, first_chunk + chunk);
}

// An A operand at rest, in 4 registers: packed halves, or fp32 values that are split when they are used.
template <class Element>
struct PackedA {
    uint32_t r[4];

    LSK_DEVICE typename Fragment<Element>::A a() const { return as_operand<Element>(r); }
};

// A: 16 tile rows from `first_row`, depth step `step` of the row.
template <class Layout, class Element>
LSK_DEVICE PackedA<Element> load_packed_a(uint32_t tile, int first_row, int step, int lane) {
    PackedA<Element> packed;
    ptx::ldmatrix_x4(packed.r, tile + block_offset<Layout>(lane % 16, lane / 16, first_row, step * 2));
    return packed;
}

template <class Layout, class Element>
LSK_DEVICE typename Fragment<Element>::A load_a(uint32_t tile, int first_row, int step, int lane) {
    return load_packed_a<Layout, Element>(tile, first_row, step, lane).a();
}

// Two B operands whose columns are 16 tile rows from `first_row` and whose depth runs along the row ("K" of Q K^T).
template <class Layout, class Element>
LSK_DEVICE void load_b_by_row(typename Fragment<Element>::B (&b)[2], uint32_t tile, int first_row, int step, int lane) {
    uint32_t r[4];
    ptx::ldmatrix_x4(r, tile + block_offset<Layout>(lane % 8 + lane / 16 * 8, lane / 8 % 2, first_row, step * 2));
    LSK_UNROLL for (int i = 0; i < 4; i++) {
        if constexpr (sizeof(Element) == 4)
            Fragment<float>::split(r[i], b[i / 2].high[i % 2], b[i / 2].low[i % 2]);
        else
            b[i / 2].r[i % 2] = r[i];
    }
}

// Two B operands whose depth runs over tile rows from `first_row` and whose columns are 16 elements from `first_column` ("V" of P V). For fp32 the
// depth is 8 rows in the order 0 2 4 6 1 3 5 7, which is that of accumulators read as A operands (as_a).
template <class Layout, class Element>
LSK_DEVICE void load_b_by_column(typename Fragment<Element>::B (&b)[2], uint32_t tile, int first_row, int first_column, int lane) {
    if constexpr (sizeof(Element) == 4) {
        LSK_UNROLL for (int i = 0; i < 4; i++) {
            const uint32_t at = block_offset<Layout>(lane % 4 * 2 + i % 2, lane / 16, first_row, first_column / Layout::chunk_elements + i / 2 * 2) + static_cast<uint32_t>(lane / 4 % 4 * 4);
            Fragment<float>::split(ptx::load_shared32(tile + at), b[i / 2].high[i % 2], b[i / 2].low[i % 2]);
        }
    } else {
        uint32_t r[4];
        ptx::ldmatrix_x4_trans(r, tile + block_offset<Layout>(lane % 16, lane / 16, first_row, first_column / Layout::chunk_elements));
        LSK_UNROLL for (int i = 0; i < 4; i++) b[i / 2].r[i % 2] = r[i];
    }
}

// A: 16 columns of the tile from `first_column`, depth over its rows from `first_row`: the transposed tile. Depth runs as in load_b_by_column.
template <class Layout, class Element>
LSK_DEVICE typename Fragment<Element>::A load_a_by_column(uint32_t tile, int first_column, int first_row, int lane) {
    uint32_t r[4];
    if constexpr (sizeof(Element) == 4) {
        LSK_UNROLL for (int i = 0; i < 4; i++) {
            const uint32_t at = block_offset<Layout>(lane % 4 * 2 + i / 2, lane / 16, first_row, first_column / Layout::chunk_elements + i % 2 * 2) + static_cast<uint32_t>(lane / 4 % 4 * 4);
            r[i] = ptx::load_shared32(tile + at);
        }
    } else {
        ptx::ldmatrix_x4_trans(r, tile + block_offset<Layout>(lane % 8 + lane / 16 * 8, lane / 8 % 2, first_row, first_column / Layout::chunk_elements));
    }
    return as_operand<Element>(r);
}

// The A operand whose depth is columns [first * 8, ...) of accumulators: the weights P of P V, straight from registers.
template <class Element, int Columns>
LSK_DEVICE PackedA<Element> pack_a(const float (&s)[Columns][4], int first) {
    PackedA<Element> packed;
    if constexpr (sizeof(Element) == 4) {
        constexpr int order[4] = {0, 2, 1, 3};
        LSK_UNROLL for (int i = 0; i < 4; i++) packed.r[i] = __float_as_uint(s[first][order[i]]);
    } else {
        LSK_UNROLL for (int i = 0; i < 4; i++) packed.r[i] = Fragment<Element>::pack(s[first + i / 2][i % 2 * 2], s[first + i / 2][i % 2 * 2 + 1]);
    }
    return packed;
}

template <class Element, int Columns>
LSK_DEVICE typename Fragment<Element>::A as_a(const float (&s)[Columns][4], int first) {
    return pack_a<Element>(s, first).a();
}

}  // namespace lsk
