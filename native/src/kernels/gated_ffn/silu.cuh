// silu(x) = x / (1 + exp(-x)), with the exact exponential of the runtime: fp32 keeps its last bits.
#pragma once
#include "device/platform.cuh"

namespace lsk::gated_ffn {

LSK_DEVICE float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }
LSK_DEVICE float silu(float x) { return x / (1.0f + expf(-x)); }

}  // namespace lsk::gated_ffn
