#include "kernels/by_element.h"
#include "kernels/layer_norm/sm80_layer_norm.cuh"
#include "kernels/layer_norm/sm80_layer_norm_backward.cuh"

namespace lsk {

using namespace layer_norm;

int layer_norm_summed_width(int dtype) { return kept_chunks * 32 * (dtype == LSK_FLOAT32 ? Chunk<float>::elements : Chunk<bf16>::elements); }

cudaError_t launch_layer_norm(const LayerNormParams& params, cudaStream_t stream) {
    if (params.rows == 0) return cudaSuccess;
    return by_element(params.dtype, [&](auto element) {
        return launch("layer_norm_forward", forward_kernel<decltype(element)>, dim3(blocks_of(params.rows, threads / params.lanes)), dim3(threads), 0, stream, params);
    });
}

cudaError_t launch_layer_norm_backward(const LayerNormParams& params, cudaStream_t stream) {
    if (params.rows == 0) return cudaSuccess;
    return by_element(params.dtype, [&](auto element) {
        using Element = decltype(element);
        const size_t shared_bytes = params.partial_gradients ? sizeof(BackwardShared<Element>) : 0;
        return launch("layer_norm_backward", backward_kernel<Element>, dim3(static_cast<unsigned>(params.blocks)), dim3(threads), shared_bytes, stream, params);
    });
}

}  // namespace lsk
