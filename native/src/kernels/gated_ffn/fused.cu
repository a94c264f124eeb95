#include "kernels/gated_ffn/launch_fused.cuh"

namespace lsk {

using namespace gated_ffn;

int64_t fused_ffn_shared_bytes(int dtype, int width) { return dtype == LSK_FLOAT32 ? shared_bytes_of<float>(width) : shared_bytes_of<bf16>(width); }

int fused_ffn_block_rows(int dtype) { return dtype == LSK_FLOAT32 ? FusedConfig<float, fused_ffn_width>::rows : FusedConfig<bf16, fused_ffn_width>::rows; }

cudaError_t launch_fused_ffn(const FusedFfnParams& params, cudaStream_t stream) {
    if (params.rows == 0) return cudaSuccess;
    switch (params.dtype) {
    case LSK_FLOAT32: return launch_fused_fp32(params, stream);
    case LSK_BFLOAT16: return launch_fused_bf16(params, stream);
    default: return launch_fused_fp16(params, stream);
    }
}

}  // namespace lsk
