// Conversions between storage types and float in device code, one instruction each. All round to nearest, ties to even.
#pragma once
#include "device/ptx.cuh"

namespace lsk::device {

LSK_DEVICE float to_float(float value) { return value; }
LSK_DEVICE float to_float(bf16 value) { return __uint_as_float(uint32_t(value.bits) << 16); }
LSK_DEVICE float to_float(fp16 value) { return ptx::float_from_fp16(value.bits); }

template <class T>
LSK_DEVICE T from_float(float value);

template <>
LSK_DEVICE float from_float<float>(float value) {
    return value;
}
template <>
LSK_DEVICE bf16 from_float<bf16>(float value) {
    return {ptx::bf16_from_float(value)};
}
template <>
LSK_DEVICE fp16 from_float<fp16>(float value) {
    return {ptx::fp16_from_float(value)};
}

// Two values in one 32-bit word, the first in the low half.
LSK_DEVICE float2 unpack(bf16, uint32_t pair) { return make_float2(__uint_as_float(pair << 16), __uint_as_float(pair & 0xffff0000u)); }
LSK_DEVICE float2 unpack(fp16, uint32_t pair) {
    return make_float2(ptx::float_from_fp16(uint16_t(pair)), ptx::float_from_fp16(uint16_t(pair >> 16)));
}
template <class T>
LSK_DEVICE float2 unpack(uint32_t pair) {
    return unpack(T{}, pair);
}

template <class T>
LSK_DEVICE uint32_t pack(float low, float high);

template <>
LSK_DEVICE uint32_t pack<bf16>(float low, float high) {
    return ptx::pack_bf16(low, high);
}
template <>
LSK_DEVICE uint32_t pack<fp16>(float low, float high) {
    return ptx::pack_fp16(low, high);
}

}  // namespace lsk::device
