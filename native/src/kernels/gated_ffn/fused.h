// The gated FFN in one kernel, for rows narrow enough that a block keeps them: what the host passes and what it may launch.
#pragma once
#include <cuda_runtime.h>
#include <cstdint>
#include "device/row_alignment.h"

namespace lsk {

struct FusedFfnParams {
    const void* input;      // [rows, width]
    const void* up;         // [width, hidden]
    const void* gate;       // [width, hidden]
    const void* down;       // [hidden, width]
    const void* up_bias;    // [hidden] or null
    const void* gate_bias;  // [hidden] or null
    const void* down_bias;  // [width] or null
    const void* norm_gain;  // [width] or null
    const void* norm_bias;  // [width] or null
    void* output;           // [rows, width]
    int64_t rows;
    int width;
    int hidden_width;
    int dtype;
    int norm;               // lsk_ffn_norm
    float epsilon;
    RowAlignment row_alignment;     // of input, down, output
    RowAlignment hidden_alignment;  // of up, gate
};

// Widest row, and the shared memory of a block.
constexpr int fused_ffn_width = 128;
int64_t fused_ffn_shared_bytes(int dtype, int width);
int fused_ffn_block_rows(int dtype);

cudaError_t launch_fused_ffn(const FusedFfnParams& params, cudaStream_t stream);

}  // namespace lsk
