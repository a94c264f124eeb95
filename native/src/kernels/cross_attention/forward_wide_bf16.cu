#include "kernels/cross_attention/forward_variants.h"
#include "kernels/cross_attention/sm80_wide.cuh"

namespace lsk::forward {

cudaError_t wide16_bf16(const ForwardArrangement& arrangement, const CrossAttentionParams& params, cudaStream_t stream) {
    return launch_wide<bf16>(arrangement, params, stream);
}

}  // namespace lsk::forward
