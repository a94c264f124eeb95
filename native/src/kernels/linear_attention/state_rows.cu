#include "kernels/by_element.h"
#include "kernels/linear_attention/sm80_state_rows.cuh"

namespace lsk {

cudaError_t launch_linear_attention_rows(const LinearAttentionRowsParams& params, cudaStream_t stream) {
    if (params.span_count == 0) return cudaSuccess;
    return by_element(params.dtype, [&](auto element) {
        using Element = decltype(element);
        return launch("linear_attention_state_rows", linear_attention::state_rows_kernel<Element>, dim3(blocks_of(params.span_count * params.widths.heads, 1)),
                      dim3(linear_attention::row_threads), sizeof(typename linear_attention::StateRowsConfig<Element>::SharedMemory), stream, params);
    });
}

}  // namespace lsk
