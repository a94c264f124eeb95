// Layer norm of rows: what the host passes and what it may launch.
#pragma once
#include <cuda_runtime.h>
#include <cstdint>
#include "device/row_alignment.h"

namespace lsk {

struct LayerNormParams {
    const void* input;            // [rows, width]
    const void* gain;             // [width] or null
    const void* bias;             // [width] or null; forward only
    void* output;                 // [rows, width]; forward only
    const void* output_gradient;  // [rows, width]; backward only, as are the following
    void* input_gradient;         // [rows, width] or null
    float* moments;               // [rows, 3] mean, its correction, 1 / deviation, written for column sums, or null
    float* partial_gradients;     // [blocks, 2, width]: sums of gain and bias over a block's rows, or null
    int64_t rows;
    int width;
    int dtype;
    int blocks;                   // backward: each takes an equal span of rows
    float epsilon;
    int add;                      // 1: the input gradient is added to
    RowAlignment alignment;       // of all tensors
    int lanes;                    // per row: a power of 2
};

// Widest row whose gradients of gain and bias are summed by the kernel that computes the input's.
int layer_norm_summed_width(int dtype);

cudaError_t launch_layer_norm(const LayerNormParams& params, cudaStream_t stream);
cudaError_t launch_layer_norm_backward(const LayerNormParams& params, cudaStream_t stream);

}  // namespace lsk
