#include "kernels/cross_attention/sm80_backward_tokens.cuh"

namespace lsk::backward {

template cudaError_t launch_tokens<float>(const TokenArrangement& arrangement, const CrossAttentionBackwardParams& params, cudaStream_t stream);

}  // namespace lsk::backward
