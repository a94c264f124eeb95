#include "kernels/by_element.h"
#include "kernels/linear_attention/sm80_state_sum.cuh"

namespace lsk {

cudaError_t launch_linear_attention_state(const LinearAttentionStateParams& params, cudaStream_t stream) {
    if (params.span_count == 0) return cudaSuccess;
    const LinearAttentionWidths& w = params.widths;
    const int64_t blocks = params.span_count * w.heads * w.key_blocks * w.value_blocks;
    return by_element(params.dtype, [&](auto element) {
        using Element = decltype(element);
        return launch("linear_attention_state_sum", linear_attention::state_sum_kernel<Element>, dim3(blocks_of(blocks, 1)), dim3(linear_attention::threads),
                      sizeof(typename linear_attention::StateSumConfig<Element>::SharedMemory), stream, params);
    });
}

}  // namespace lsk
