#include "kernels/by_element.h"
#include "kernels/time_embedding/sm80_time_embedding.cuh"

namespace lsk {

using namespace time_embedding;

cudaError_t launch_time_embedding(const TimeEmbeddingParams& params, cudaStream_t stream) {
    if (params.total == 0) return cudaSuccess;
    return by_element(params.dtype, [&](auto element) {
        return launch("time_embedding_forward", forward_kernel<decltype(element)>, dim3(blocks_of(params.total, forward_warps * 32)), dim3(forward_warps * 32), 0, stream,
                      params);
    });
}

cudaError_t launch_time_embedding_backward(const TimeEmbeddingParams& params, TableMemory memory, int warps_per_block, cudaStream_t stream) {
    const int64_t slabs = (params.width + 31) / 32;
    const size_t shared_bytes = memory == TableMemory::shared ? size_t(warps_per_block) * params.buckets * 32 * sizeof(float) : 0;
    return by_element(params.dtype, [&](auto element) {
        return launch("time_embedding_backward", backward_kernel<decltype(element)>, dim3(blocks_of(params.parts * slabs, warps_per_block)),
                      dim3(static_cast<unsigned>(warps_per_block) * 32), shared_bytes, stream, params, memory);
    });
}

}  // namespace lsk
