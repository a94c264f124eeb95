#include "kernels/cross_attention/forward_variants.h"
#include "kernels/cross_attention/sm80_forward.cuh"

namespace lsk::forward {

cudaError_t stream16_fp32(const ForwardArrangement& arrangement, const CrossAttentionParams& params, cudaStream_t stream) {
    return launch_variant<float, ForwardVariant::stream16>(arrangement, params, stream);
}

}  // namespace lsk::forward
