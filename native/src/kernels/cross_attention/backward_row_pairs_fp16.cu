#include "kernels/cross_attention/sm80_backward_rows.cuh"

namespace lsk::backward {

template cudaError_t launch_rows<fp16, 2>(const ResidentArrangement& arrangement, const CrossAttentionBackwardParams& params, cudaStream_t stream);

}  // namespace lsk::backward
