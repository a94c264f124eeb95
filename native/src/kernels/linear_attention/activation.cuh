// phi and phi' of linear attention. The function is chosen at run time, the same for all threads.
#pragma once
#include "device/ptx.cuh"
#include "device/warp.cuh"
#include "longseqkernels/lsk.h"

namespace lsk::linear_attention {

LSK_DEVICE float sigmoid(float x) { return ptx::reciprocal(1.0f + ptx::exp2(-x * log2_e)); }

LSK_DEVICE float activate(lsk_activation activation, float x) {
    if (activation == LSK_ACTIVATION_SILU) return x * sigmoid(x);
    if (activation == LSK_ACTIVATION_SHIFTED_ELU) return x >= 1.0f ? x : ptx::exp2((x - 1.0f) * log2_e);
    return x;
}

LSK_DEVICE float derivative(lsk_activation activation, float x) {
    if (activation == LSK_ACTIVATION_SILU) {
        const float s = sigmoid(x);
        return s * (1.0f + x * (1.0f - s));
    }
    if (activation == LSK_ACTIVATION_SHIFTED_ELU) return x >= 1.0f ? 1.0f : ptx::exp2((x - 1.0f) * log2_e);
    return 1.0f;
}

}  // namespace lsk::linear_attention
