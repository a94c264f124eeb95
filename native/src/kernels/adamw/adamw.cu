#include "kernels/adamw/sm80_adamw.cuh"
#include "kernels/by_element.h"

namespace lsk {

cudaError_t launch_adamw(const AdamwParams& params, cudaStream_t stream) {
    if (params.parameters == 0) return cudaSuccess;
    return launch("adamw_step", adamw::step_kernel, dim3(blocks_of(params.parameters, adamw::threads * adamw::per_thread)), dim3(adamw::threads), 0, stream, params);
}

}  // namespace lsk
