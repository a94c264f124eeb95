// silu(x) = x / (1 + exp(-x)).
#pragma once
#include "device/ptx.cuh"
#include "device/warp.cuh"

namespace lsk::gated_ffn {

LSK_DEVICE float sigmoid(float x) { return 1.0f / (1.0f + ptx::exp2(-x * log2_e)); }
LSK_DEVICE float silu(float x) { return x / (1.0f + ptx::exp2(-x * log2_e)); }

}  // namespace lsk::gated_ffn
