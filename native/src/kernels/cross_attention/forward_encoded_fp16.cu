#include "kernels/cross_attention/forward_variants.h"
#include "kernels/cross_attention/sm80_encoded.cuh"

namespace lsk::forward {

cudaError_t encoded_fp16(const ForwardLaunch& how, const CrossAttentionParams& params, cudaStream_t stream) { return launch_encoded<fp16>(how, params, stream); }

}  // namespace lsk::forward
