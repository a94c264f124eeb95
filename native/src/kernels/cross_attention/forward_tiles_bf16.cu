#include "kernels/cross_attention/forward_variants.h"
#include "kernels/cross_attention/sm80_forward.cuh"

namespace lsk::forward {

cudaError_t tiles16_bf16(const ForwardArrangement& arrangement, const CrossAttentionParams& params, cudaStream_t stream) {
    return launch_variant<bf16, ForwardVariant::tiles16>(arrangement, params, stream);
}

cudaError_t tiles32_bf16(const ForwardArrangement& arrangement, const CrossAttentionParams& params, cudaStream_t stream) {
    return launch_variant<bf16, ForwardVariant::tiles32>(arrangement, params, stream);
}

}  // namespace lsk::forward
