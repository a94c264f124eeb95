#include "kernels/cross_attention/forward_variants.h"
#include "longseqkernels/lsk.h"

namespace lsk {

// By ForwardVariant; fp32 has no variants of 32 rows a warp.
static forward::LaunchVariant* variant_of(ForwardVariant variant, int dtype) {
    static constexpr forward::LaunchVariant* variants[3][5] = {
        {forward::stream16_fp32, nullptr, forward::tiles16_fp32, nullptr, forward::wide16_fp32},
        {forward::stream16_bf16, forward::stream32_bf16, forward::tiles16_bf16, forward::tiles32_bf16, forward::wide16_bf16},
        {forward::stream16_fp16, forward::stream32_fp16, forward::tiles16_fp16, forward::tiles32_fp16, forward::wide16_fp16},
    };
    return variants[dtype][static_cast<int>(variant)];
}

cudaError_t launch_cross_attention_forward(const ForwardLaunch& how, const CrossAttentionParams& params, cudaStream_t stream) {
    if (params.blocks == 0) return cudaSuccess;
    if (params.encoded.bits != 0) {
        static constexpr forward::LaunchEncoded* encoded[3] = {forward::encoded_fp32, forward::encoded_bf16, forward::encoded_fp16};
        return encoded[params.input_dtype](how, params, stream);
    }
    forward::LaunchVariant* const launch_it = variant_of(how.variant, params.input_dtype);
    return launch_it ? launch_it(how.arrangement, params, stream) : cudaErrorInvalidValue;
}

}  // namespace lsk
