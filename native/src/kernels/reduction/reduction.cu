#include <algorithm>
#include "kernels/by_element.h"
#include "kernels/reduction/sm80_column_sums.cuh"
#include "kernels/reduction/sm80_partial_sums.cuh"

namespace lsk {

using namespace reduction;

cudaError_t launch_partial_sums(const PartialSumsParams& params, cudaStream_t stream) {
    if (params.elements == 0) return cudaSuccess;
    const int ways = params.parts >= 16 ? 8 : 1;
    return by_element(params.dtype, [&](auto element) {
        return launch("partial_sums", partial_sums_kernel<decltype(element)>, dim3(blocks_of(params.elements, partial_threads / ways)), dim3(partial_threads),
                      ways > 1 ? partial_threads * sizeof(float) : 0, stream, params, ways);
    });
}

cudaError_t launch_column_sums(const ColumnSumsParams& params, cudaStream_t stream) {
    return by_element(params.dtype, [&](auto element) {
        return launch("column_sums", column_sums_kernel<decltype(element)>, dim3(blocks_of(params.width, 32), static_cast<unsigned>(params.parts)),
                      dim3(column_warps * 32), sizeof(ColumnSumsShared), stream, params);
    });
}

int column_sum_parts(int64_t rows, int width, int multiprocessors) {
    const int64_t slabs = (width + 31) / 32;
    const int64_t filling = (4 * int64_t(multiprocessors) + slabs - 1) / slabs, worthwhile = (rows + 63) / 64;
    return static_cast<int>(std::clamp<int64_t>(std::min(filling, worthwhile), 1, 65535));
}

}  // namespace lsk
