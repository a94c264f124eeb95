// Rows taken 16 bytes at a time, as floats: one access where rows are aligned, element by element where they are not.
#pragma once
#include "device/conversions.cuh"
#include "device/row_alignment.h"
#include "device/warp.cuh"

namespace lsk {

template <class Element>
struct Chunk {
    static constexpr int elements = 16 / int(sizeof(Element));
    float value[elements];
};

template <class Element>
LSK_DEVICE Chunk<Element> unpack_chunk(uint4 bits) {  // a copy: 16 bytes in one access
    Chunk<Element> chunk;
    const uint32_t words[4] = {bits.x, bits.y, bits.z, bits.w};
    LSK_UNROLL for (int i = 0; i < 4; i++) {
        if constexpr (sizeof(Element) == 4) {
            chunk.value[i] = __uint_as_float(words[i]);
        } else {
            const float2 pair = device::unpack<Element>(words[i]);
            chunk.value[2 * i] = pair.x;
            chunk.value[2 * i + 1] = pair.y;
        }
    }
    return chunk;
}

template <class Element>
LSK_DEVICE uint4 pack_chunk(const Chunk<Element>& chunk) {
    uint32_t words[4];
    LSK_UNROLL for (int i = 0; i < 4; i++) {
        if constexpr (sizeof(Element) == 4)
            words[i] = __float_as_uint(chunk.value[i]);
        else
            words[i] = device::pack<Element>(chunk.value[2 * i], chunk.value[2 * i + 1]);
    }
    return make_uint4(words[0], words[1], words[2], words[3]);
}

// Elements [column, ...) of a row; those from `width` on are zeros and not read. With RowAlignment::chunks width is a whole number of chunks.
template <class Element>
LSK_DEVICE Chunk<Element> load_chunk(const Element* row, int column, int width, RowAlignment alignment) {
    if (alignment == RowAlignment::chunks && column < width) return unpack_chunk<Element>(*reinterpret_cast<const uint4*>(row + column));
    Chunk<Element> chunk;
    LSK_UNROLL for (int i = 0; i < Chunk<Element>::elements; i++) chunk.value[i] = column + i < width ? device::to_float(row[column + i]) : 0.0f;
    return chunk;
}

template <class Element>
LSK_DEVICE void store_chunk(Element* row, int column, int width, RowAlignment alignment, const Chunk<Element>& chunk) {
    if (alignment == RowAlignment::chunks && column < width) {
        *reinterpret_cast<uint4*>(row + column) = pack_chunk(chunk);
        return;
    }
    LSK_UNROLL for (int i = 0; i < Chunk<Element>::elements; i++)
        if (column + i < width) row[column + i] = device::from_float<Element>(chunk.value[i]);
}

// The sum over each group of `lanes` neighbouring lanes (a power of 2), in every lane of it. All lanes of the warp take part.
LSK_DEVICE float group_sum(float value, int lanes) {
    for (int offset = lanes / 2; offset > 0; offset /= 2) value += __shfl_xor_sync(all_lanes, value, offset);
    return value;
}

LSK_DEVICE float group_max(float value, int lanes) {
    for (int offset = lanes / 2; offset > 0; offset /= 2) value = fmaxf(value, __shfl_xor_sync(all_lanes, value, offset));
    return value;
}

}  // namespace lsk
