#include "kernels/gated_ffn/launch_fused.cuh"

namespace lsk::gated_ffn {

cudaError_t launch_fused_fp32(const FusedFfnParams& params, cudaStream_t stream) { return launch_fused_of<float>(params, stream); }

}  // namespace lsk::gated_ffn
