#include "kernels/gated_ffn/launch_fused.cuh"

namespace lsk::gated_ffn {

cudaError_t launch_fused_bf16(const FusedFfnParams& params, cudaStream_t stream) { return launch_fused_of<bf16>(params, stream); }

}  // namespace lsk::gated_ffn
