// A group of lanes encodes or decodes a row, eight elements a lane at a time: 32 bytes of values, and 16 (fp16), 8 (int8) or 4 (int4) bytes of codes.
// To the bit what the specification says: IEEE division and multiplication, rounding to nearest even.
#pragma once
#include "device/chunk.cuh"
#include "kernels/summary_codec/decode.cuh"
#include "kernels/summary_codec/summary_codec.h"
#include "longseqkernels/lsk.h"

namespace lsk::summary_codec {

constexpr int threads = 128;
constexpr int elements = 8;

struct Octet {
    float value[elements];
};

struct Lanes {
    int64_t row;
    int lane, lanes;
    bool inside;

    LSK_DEVICE explicit Lanes(const SummaryCodecParams& p)
        : row(int64_t(blockIdx.x) * (threads / p.lanes) + threadIdx.x / p.lanes), lane(int(threadIdx.x) % p.lanes), lanes(p.lanes), inside(row < p.rows) {}
};

LSK_DEVICE int row_bytes(const SummaryCodecParams& p) {
    return p.encoding == LSK_ENCODING_FLOAT16 ? 2 * p.width : p.encoding == LSK_ENCODING_INT8 ? p.width : (p.width + 1) / 2;
}

LSK_DEVICE Octet load_values(const SummaryCodecParams& p, int64_t row, int column) {
    const Chunk<float> low = load_chunk(p.values + row * p.width, column, p.width, p.alignment);
    const Chunk<float> high = load_chunk(p.values + row * p.width, column + 4, p.width, p.alignment);
    Octet octet;
    LSK_UNROLL for (int i = 0; i < elements; i++) octet.value[i] = i < 4 ? low.value[i % 4] : high.value[i % 4];
    return octet;
}

// The codes of eight elements as bits, the first in the lowest.
struct CodeBits {
    uint32_t word[4];
};

LSK_DEVICE CodeBits encode(const Octet& octet, int encoding, float scale) {
    CodeBits bits{};
    LSK_UNROLL for (int i = 0; i < elements; i++) {
        if (encoding == LSK_ENCODING_FLOAT16) {
            bits.word[i / 2] |= uint32_t(ptx::fp16_from_float(octet.value[i])) << (i % 2 * 16);
            continue;
        }
        const float largest = encoding == LSK_ENCODING_INT8 ? 127.0f : 7.0f;
        const float code = scale == 0.0f ? 0.0f : fminf(fmaxf(rintf(octet.value[i] / scale), -largest), largest);
        if (encoding == LSK_ENCODING_INT8)
            bits.word[i / 4] |= (uint32_t(int(code)) & 0xffu) << (i % 4 * 8);
        else
            bits.word[0] |= (uint32_t(int(code)) & 0xfu) << (i * 4);
    }
    return bits;
}

LSK_DEVICE Octet decode(const CodeBits& bits, int encoding, float scale) {
    Octet octet;
    LSK_UNROLL for (int i = 0; i < elements; i++) {
        if (encoding == LSK_ENCODING_FLOAT16)
            octet.value[i] = decode_code<16>(bits.word[i / 2], i % 2, scale);
        else if (encoding == LSK_ENCODING_INT8)
            octet.value[i] = decode_code<8>(bits.word[i / 4], i % 4, scale);
        else
            octet.value[i] = decode_code<4>(bits.word[0], i, scale);
    }
    return octet;
}

__global__ __launch_bounds__(threads) void encode_kernel(const SummaryCodecParams p) {
    const Lanes at(p);
    float largest = 0.0f;  // every lane takes part in the maximum
    for (int column = at.lane * elements; column < p.width && p.encoding != LSK_ENCODING_FLOAT16 && at.inside; column += at.lanes * elements) {
        const Octet octet = load_values(p, at.row, column);
        LSK_UNROLL for (int i = 0; i < elements; i++) largest = fmaxf(largest, fabsf(octet.value[i]));
    }
    largest = group_max(largest, at.lanes);
    if (!at.inside) return;
    const float scale = p.encoding == LSK_ENCODING_FLOAT16 ? 1.0f : largest / (p.encoding == LSK_ENCODING_INT8 ? 127.0f : 7.0f);
    if (at.lane == 0) p.scales[at.row] = scale;
    const int bytes = row_bytes(p);
    uint8_t* row = p.codes + at.row * bytes;
    for (int column = at.lane * elements; column < p.width; column += at.lanes * elements) {
        const CodeBits bits = encode(load_values(p, at.row, column), p.encoding, scale);
        const int octet_bytes = p.encoding == LSK_ENCODING_FLOAT16 ? 16 : p.encoding == LSK_ENCODING_INT8 ? 8 : 4;
        const int first = column / elements * octet_bytes;
        if (p.alignment == RowAlignment::elements) {
            LSK_UNROLL for (int i = 0; i < 16; i++)
                if (i < octet_bytes && first + i < bytes) row[first + i] = uint8_t(bits.word[i / 4] >> (i % 4 * 8));
        } else if (octet_bytes == 16) {
            *reinterpret_cast<uint4*>(row + first) = make_uint4(bits.word[0], bits.word[1], bits.word[2], bits.word[3]);
        } else if (octet_bytes == 8) {
            *reinterpret_cast<uint2*>(row + first) = make_uint2(bits.word[0], bits.word[1]);
        } else {
            *reinterpret_cast<uint32_t*>(row + first) = bits.word[0];
        }
    }
}

__global__ __launch_bounds__(threads) void decode_kernel(const SummaryCodecParams p) {
    const Lanes at(p);
    if (!at.inside) return;
    const int bytes = row_bytes(p);
    const uint8_t* row = p.codes + at.row * bytes;
    const float scale = p.encoding == LSK_ENCODING_FLOAT16 ? 1.0f : p.scales[at.row];
    for (int column = at.lane * elements; column < p.width; column += at.lanes * elements) {
        const int octet_bytes = p.encoding == LSK_ENCODING_FLOAT16 ? 16 : p.encoding == LSK_ENCODING_INT8 ? 8 : 4;
        const int first = column / elements * octet_bytes;
        CodeBits bits{};
        if (p.alignment == RowAlignment::elements) {
            LSK_UNROLL for (int i = 0; i < 16; i++)
                if (i < octet_bytes && first + i < bytes) bits.word[i / 4] |= uint32_t(row[first + i]) << (i % 4 * 8);
        } else if (octet_bytes == 16) {
            const uint4 loaded = *reinterpret_cast<const uint4*>(row + first);
            bits = {{loaded.x, loaded.y, loaded.z, loaded.w}};
        } else if (octet_bytes == 8) {
            const uint2 loaded = *reinterpret_cast<const uint2*>(row + first);
            bits = {{loaded.x, loaded.y, 0, 0}};
        } else {
            bits.word[0] = *reinterpret_cast<const uint32_t*>(row + first);
        }
        const Octet octet = decode(bits, p.encoding, scale);
        Chunk<float> low, high;
        LSK_UNROLL for (int i = 0; i < 4; i++) {
            low.value[i] = octet.value[i];
            high.value[i] = octet.value[i + 4];
        }
        store_chunk(p.values + at.row * p.width, column, p.width, p.alignment, low);
        store_chunk(p.values + at.row * p.width, column + 4, p.width, p.alignment, high);
    }
}

}  // namespace lsk::summary_codec
