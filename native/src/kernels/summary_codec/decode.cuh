// From a code of a summary row to its value.
#pragma once
#include "device/conversions.cuh"

namespace lsk::summary_codec {

// Code `i` of those in a word, the first in the lowest bits: fp16 (16 bits, without a scale), or a signed integer of 8 or 4 bits times the row's scale.
template <int Bits>
LSK_DEVICE float decode_code(uint32_t word, int i, float scale) {
    if constexpr (Bits == 16)
        return ptx::float_from_fp16(uint16_t(word >> (i * 16)));
    else
        return float(int(word << (32 - Bits - i * Bits)) >> (32 - Bits)) * scale;
}

}  // namespace lsk::summary_codec
