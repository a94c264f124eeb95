#include "kernels/by_element.h"
#include "kernels/cross_attention/backward_variants.h"

namespace lsk {

cudaError_t launch_cross_attention_backward_rows(const backward::ResidentArrangement& how, const CrossAttentionBackwardParams& params, cudaStream_t stream) {
    if (params.attention.blocks == 0) return cudaSuccess;
    return by_element(params.attention.input_dtype, [&](auto element) {
        using Element = decltype(element);
        return how.row_groups == 1 ? backward::launch_rows<Element, 1>(how, params, stream) : backward::launch_rows<Element, 2>(how, params, stream);
    });
}

cudaError_t launch_cross_attention_backward_tokens(const backward::TokenArrangement& how, const CrossAttentionBackwardParams& params, cudaStream_t stream) {
    if (params.attention.blocks == 0) return cudaSuccess;
    return by_element(params.attention.input_dtype, [&](auto element) { return backward::launch_tokens<decltype(element)>(how, params, stream); });
}

}  // namespace lsk
