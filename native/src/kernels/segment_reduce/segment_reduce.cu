#include "kernels/by_element.h"
#include "kernels/segment_reduce/sm80_segment_reduce.cuh"

namespace lsk {

using namespace segment_reduce;

namespace {
template <Kind kind, class Element>
cudaError_t reduce(const SegmentReduceParams& params, cudaStream_t stream) {
    const int slabs = (params.width + params.lanes * Chunk<Element>::elements - 1) / (params.lanes * Chunk<Element>::elements);
    const cudaError_t error = launch("segment_reduce", reduce_kernel<kind, Element>, dim3(static_cast<unsigned>(params.piece_count * slabs)), dim3(threads),
                                     sizeof(SharedMemory<Element>), stream, params, slabs);
    if (error != cudaSuccess || params.split_count == 0) return error;
    const int merge_slabs = (params.width + merge_columns - 1) / merge_columns;
    return launch("segment_merge", merge_kernel<kind, Element>, dim3(static_cast<unsigned>(params.split_count * merge_slabs)), dim3(threads),
                  sizeof(State) * threads, stream, params, merge_slabs);
}
}  // namespace

cudaError_t launch_segment_reduce(const SegmentReduceParams& params, cudaStream_t stream) {
    if (params.piece_count == 0) return cudaSuccess;
    return by_element(params.dtype, [&](auto element) {
        using Element = decltype(element);
        return params.reduction == LSK_MAX ? reduce<Kind::maximum, Element>(params, stream) : reduce<Kind::sum, Element>(params, stream);
    });
}

cudaError_t launch_segment_spread(const SegmentReduceParams& params, cudaStream_t stream) {
    if (params.piece_count == 0) return cudaSuccess;
    return by_element(params.dtype, [&](auto element) {
        using Element = decltype(element);
        const int slabs = (params.width + params.lanes * Chunk<Element>::elements - 1) / (params.lanes * Chunk<Element>::elements);
        return launch("segment_spread", spread_kernel<Element>, dim3(static_cast<unsigned>(params.piece_count * slabs)), dim3(threads), 0, stream, params, slabs);
    });
}

}  // namespace lsk
