// Slices of a history of codes: copied to shared memory as they lie in global memory, so that a byte travels once, and decoded there into tiles of the
// kernel's storage type.
#pragma once
#include <type_traits>
#include "device/chunk.cuh"
#include "device/tile.cuh"
#include "kernels/cross_attention/cross_attention.h"
#include "kernels/summary_codec/decode.cuh"

namespace lsk::forward {

// Starts copying `rows` rows of codes that are `stride` bytes apart, to rows `pitch` bytes apart, and zeros to the end of 16 bytes: the most that is decoded at
// once. Where rows are not aligned it is done when it returns.
LSK_DEVICE void load_codes(std::byte* tile, int pitch, const EncodedHistory& of, const std::byte* codes, int64_t stride, int rows, int thread, int threads) {
    const int lane = thread & ((1 << of.copy_lanes_log2) - 1), step = of.copy_bytes << of.copy_lanes_log2, end = (of.row_bytes + 15) & ~15;
    LSK_ROLLED for (int row = thread >> of.copy_lanes_log2; row < rows; row += threads >> of.copy_lanes_log2) {
        const std::byte* const from = codes + row * stride;
        std::byte* const to = tile + row * pitch;
        LSK_ROLLED for (int at = lane * of.copy_bytes; at < end; at += step) {
            const bool inside = at < of.row_bytes;
            const std::byte* const piece = inside ? from + at : from;
            if (!of.aligned) {
                uint32_t word = 0;
                LSK_UNROLL for (int i = 0; i < 4; i++)
                    if (at + i < of.row_bytes) word |= static_cast<uint32_t>(from[at + i]) << (i * 8);
                *reinterpret_cast<uint32_t*>(to + at) = word;
            } else if (of.copy_bytes == 16) {
                ptx::cp_async16(ptx::shared_address(to + at), piece, inside);
            } else if (of.copy_bytes == 8) {
                ptx::cp_async8(ptx::shared_address(to + at), piece, inside);
            } else {
                ptx::cp_async4(ptx::shared_address(to + at), piece, inside);
            }
        }
    }
}

// Starts copying the scales of `rows` rows that are `stride` rows apart.
LSK_DEVICE void load_scales(std::byte* to, const float* scales, int stride, int rows, int thread, int threads) {
    for (int i = thread; i < rows; i += threads) ptx::cp_async4(ptx::shared_address(to) + static_cast<uint32_t>(i) * 4, scales + int64_t(i) * stride, true);
}

// A chunk of a tile, out of as many codes in shared memory.
template <class Element, int Bits>
LSK_DEVICE Chunk<Element> decode_chunk(const std::byte* codes, float scale) {
    constexpr int elements = Chunk<Element>::elements, bytes = elements * Bits / 8, per_word = 32 / Bits;
    uint32_t words[bytes < 4 ? 1 : bytes / 4];
    if constexpr (bytes == 16) {
        const uint4 loaded = *reinterpret_cast<const uint4*>(codes);
        words[0] = loaded.x, words[1] = loaded.y, words[2] = loaded.z, words[3] = loaded.w;
    } else if constexpr (bytes == 8) {
        const uint2 loaded = *reinterpret_cast<const uint2*>(codes);
        words[0] = loaded.x, words[1] = loaded.y;
    } else if constexpr (bytes == 4) {
        words[0] = *reinterpret_cast<const uint32_t*>(codes);
    } else {
        words[0] = *reinterpret_cast<const uint16_t*>(codes);
    }
    Chunk<Element> chunk;
    LSK_UNROLL for (int i = 0; i < elements; i++) chunk.value[i] = summary_codec::decode_code<Bits>(words[i / per_word], i % per_word, scale);
    return chunk;
}

// Decodes a tile of `tile_rows` rows of which `valid_rows` are there; other rows, and columns from `width` on, become zeros, whatever their codes.
template <class Layout, class Element, int Bits>
LSK_DEVICE void decode_tile(std::byte* tile, const std::byte* codes, const std::byte* scales, int width, int tile_rows, int valid_rows, int thread, int threads) {
    constexpr int pitch = Layout::width * Bits / 8, chunk_bytes = Layout::chunk_elements * Bits / 8;
    constexpr int lanes = Layout::chunks < 32 ? Layout::chunks : 32;
    LSK_UNROLL_TWICE for (int row = thread / lanes; row < tile_rows; row += threads / lanes) {
        const bool inside = row < valid_rows;
        const float scale = Bits < 16 && inside ? reinterpret_cast<const float*>(scales)[row] : 1.0f;
        LSK_UNROLL for (int chunk = thread % lanes; chunk < Layout::chunks; chunk += lanes) {
            const int column = chunk * Layout::chunk_elements;
            Chunk<Element> values{};
            if (inside && column < width) {
                values = decode_chunk<Element, Bits>(codes + row * pitch + chunk * chunk_bytes, scale);
                if (column + Layout::chunk_elements > width)
                    LSK_UNROLL for (int i = 0; i < Layout::chunk_elements; i++)
                        if (column + i >= width) values.value[i] = 0.0f;
            }
            *reinterpret_cast<uint4*>(tile + Layout::offset(row, chunk)) = pack_chunk(values);
        }
    }
}

// The same for codes of as many bits as the history has.
template <class Layout, class Element>
LSK_DEVICE void decode_tile(std::byte* tile, const EncodedHistory& of, const std::byte* codes, const std::byte* scales, int width, int tile_rows, int valid_rows, int thread, int threads) {
    if (of.bits == 8)
        decode_tile<Layout, Element, 8>(tile, codes, scales, width, tile_rows, valid_rows, thread, threads);
    else if (of.bits == 4)
        decode_tile<Layout, Element, 4>(tile, codes, scales, width, tile_rows, valid_rows, thread, threads);
    else if constexpr (!std::is_same_v<Element, fp16>)  // fp16 rows of fp16 queries are not decoded
        decode_tile<Layout, Element, 16>(tile, codes, scales, width, tile_rows, valid_rows, thread, threads);
}

}  // namespace lsk::forward
