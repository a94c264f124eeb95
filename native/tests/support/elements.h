// Storage types on the host: exact conversions, and values rounded to a type as doubles.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>
#include "longseqkernels/lsk.h"

namespace lsk::test {

inline uint16_t to_bfloat16(float value) {
    const uint32_t bits = std::bit_cast<uint32_t>(value);
    if ((bits & 0x7fffffff) > 0x7f800000) return 0x7fff;
    return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

inline float from_bfloat16(uint16_t bits) { return std::bit_cast<float>(uint32_t(bits) << 16); }
inline uint16_t to_float16(float value) { return std::bit_cast<uint16_t>(static_cast<_Float16>(value)); }
inline float from_float16(uint16_t bits) { return static_cast<float>(std::bit_cast<_Float16>(bits)); }

inline size_t element_bytes(lsk_dtype dtype) { return dtype == LSK_FLOAT32 ? 4 : 2; }

inline void store(std::byte* to, lsk_dtype dtype, double value) {
    if (dtype == LSK_FLOAT32) {
        const float narrow = static_cast<float>(value);
        std::memcpy(to, &narrow, 4);
    } else {
        const uint16_t bits = dtype == LSK_BFLOAT16 ? to_bfloat16(static_cast<float>(value)) : to_float16(static_cast<float>(value));
        std::memcpy(to, &bits, 2);
    }
}

inline double load(const std::byte* from, lsk_dtype dtype) {
    if (dtype == LSK_FLOAT32) {
        float value;
        std::memcpy(&value, from, 4);
        return value;
    }
    uint16_t bits;
    std::memcpy(&bits, from, 2);
    return dtype == LSK_BFLOAT16 ? from_bfloat16(bits) : from_float16(bits);
}

// The value after a trip through storage.
inline double rounded(double value, lsk_dtype dtype) {
    std::byte bytes[4];
    store(bytes, dtype, value);
    return load(bytes, dtype);
}

inline std::vector<double> rounded(std::vector<double> values, lsk_dtype dtype) {
    for (double& value : values) value = rounded(value, dtype);
    return values;
}

// How far the type's rounding may move a value of magnitude 1.
inline double unit_roundoff(lsk_dtype dtype) { return dtype == LSK_FLOAT32 ? 0x1p-24 : dtype == LSK_BFLOAT16 ? 0x1p-8 : 0x1p-11; }

constexpr lsk_dtype all_dtypes[] = {LSK_FLOAT32, LSK_BFLOAT16, LSK_FLOAT16};

}  // namespace lsk::test
