// Merge of partial attention states: what the host passes and what it may launch.
#pragma once
#include <cuda_runtime.h>
#include <cstdint>

namespace lsk {

struct MergeStatesParams {
    const float* outputs;               // [parts, rows, width]
    const float* log_sum_exps;          // [parts, rows]
    float* output;                      // [rows, width]; forward only
    float* log_sum_exp;                 // [rows]; forward only
    const float* output_gradient;       // [rows, width]; backward only
    const float* log_sum_exp_gradient;  // [rows] or null; backward only
    float* output_gradients;            // [parts, rows, width]; backward only
    float* log_sum_exp_gradients;       // [parts, rows]; backward only
    int64_t rows;
    int parts;
    int width;
};

cudaError_t launch_merge_states(const MergeStatesParams& params, cudaStream_t stream);
cudaError_t launch_merge_states_backward(const MergeStatesParams& params, cudaStream_t stream);

}  // namespace lsk
