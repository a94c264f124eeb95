// The compiled variants of the forward kernel: one function a variant and storage type, so that each compiles in a file of its own.
#pragma once
#include "kernels/cross_attention/cross_attention.h"

namespace lsk::forward {

using LaunchVariant = cudaError_t(const ForwardArrangement& arrangement, const CrossAttentionParams& params, cudaStream_t stream);

LaunchVariant stream16_bf16, stream32_bf16, tiles16_bf16, tiles32_bf16;
LaunchVariant stream16_fp16, stream32_fp16, tiles16_fp16, tiles32_fp16;
LaunchVariant stream16_fp32, tiles16_fp32;
LaunchVariant wide16_bf16, wide16_fp16, wide16_fp32;

// Those for a history of codes: few, and a file a storage type.
using LaunchEncoded = cudaError_t(const ForwardLaunch& how, const CrossAttentionParams& params, cudaStream_t stream);

LaunchEncoded encoded_bf16, encoded_fp16, encoded_fp32;

}  // namespace lsk::forward
