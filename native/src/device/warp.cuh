// Reductions over the lanes of a warp, and the constants between natural and binary logarithms.
#pragma once
#include "device/platform.cuh"

namespace lsk {

constexpr float log2_e = 1.4426950408889634f;
constexpr float ln_2 = 0.6931471805599453f;
constexpr unsigned all_lanes = 0xffffffffu;

LSK_DEVICE float warp_max(float value) {
    LSK_UNROLL for (int offset = 16; offset > 0; offset /= 2) value = fmaxf(value, __shfl_xor_sync(all_lanes, value, offset));
    return value;
}

LSK_DEVICE float warp_sum(float value) {
    LSK_UNROLL for (int offset = 16; offset > 0; offset /= 2) value += __shfl_xor_sync(all_lanes, value, offset);
    return value;
}

}  // namespace lsk
