#include "kernels/merge_states/sm80_merge_states.cuh"

namespace lsk {

static dim3 grid_of(const MergeStatesParams& params) {
    return dim3(static_cast<unsigned>((params.rows + merge_states::warps_per_block - 1) / merge_states::warps_per_block));
}

cudaError_t launch_merge_states(const MergeStatesParams& params, cudaStream_t stream) {
    if (params.rows == 0) return cudaSuccess;
    return launch("merge_states_forward", merge_states::forward_kernel, grid_of(params), dim3(merge_states::warps_per_block * 32), 0, stream, params);
}

cudaError_t launch_merge_states_backward(const MergeStatesParams& params, cudaStream_t stream) {
    if (params.rows == 0) return cudaSuccess;
    return launch("merge_states_backward", merge_states::backward_kernel, grid_of(params), dim3(merge_states::warps_per_block * 32), 0, stream, params);
}

}  // namespace lsk
