// Launches the fused kernel of one storage type; each type has a file of its own, so that they compile side by side.
#pragma once
#include "kernels/by_element.h"
#include "kernels/gated_ffn/sm80_fused.cuh"

namespace lsk::gated_ffn {

template <class Element, int Width>
cudaError_t launch_fused_width(const FusedFfnParams& params, cudaStream_t stream) {
    using C = FusedConfig<Element, Width>;
    return launch("gated_ffn_fused", fused_kernel<Element, Width>, dim3(blocks_of(params.rows, C::rows)), dim3(C::threads), sizeof(FusedShared<Element, Width>), stream,
                  params);
}

template <class Element>
cudaError_t launch_fused_of(const FusedFfnParams& params, cudaStream_t stream) {
    return params.width <= 64 ? launch_fused_width<Element, 64>(params, stream) : launch_fused_width<Element, 128>(params, stream);
}

template <class Element>
int64_t shared_bytes_of(int width) {
    return width <= 64 ? sizeof(FusedShared<Element, 64>) : sizeof(FusedShared<Element, 128>);
}

cudaError_t launch_fused_fp32(const FusedFfnParams& params, cudaStream_t stream);
cudaError_t launch_fused_bf16(const FusedFfnParams& params, cudaStream_t stream);
cudaError_t launch_fused_fp16(const FusedFfnParams& params, cudaStream_t stream);

}  // namespace lsk::gated_ffn
