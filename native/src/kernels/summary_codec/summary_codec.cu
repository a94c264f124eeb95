#include "kernels/by_element.h"
#include "kernels/summary_codec/sm80_summary_codec.cuh"

namespace lsk {

using namespace summary_codec;

cudaError_t launch_summary_encode(const SummaryCodecParams& params, cudaStream_t stream) {
    if (params.rows == 0) return cudaSuccess;
    return launch("summary_encode", encode_kernel, dim3(blocks_of(params.rows, threads / params.lanes)), dim3(threads), 0, stream, params);
}

cudaError_t launch_summary_decode(const SummaryCodecParams& params, cudaStream_t stream) {
    if (params.rows == 0) return cudaSuccess;
    return launch("summary_decode", decode_kernel, dim3(blocks_of(params.rows, threads / params.lanes)), dim3(threads), 0, stream, params);
}

}  // namespace lsk
