// One step of AdamW: what the host passes and what it may launch.
#pragma once
#include <cuda_runtime.h>
#include <cstdint>
#include "device/row_alignment.h"

namespace lsk {

struct AdamwParams {
    const float* gradient;    // [parameters]
    float* parameter;         // [parameters]
    float* first_moment;      // [parameters]
    float* second_moment;     // [parameters]
    int64_t parameters;
    float gradient_scale;
    float beta1, rest1;       // and 1 - beta1
    float beta2, rest2;
    float rate;               // learning rate over the first moment's bias
    float second_correction;  // 1 over the second moment's bias
    float epsilon;
    float keep;               // what weight decay leaves
    RowAlignment alignment;
};

cudaError_t launch_adamw(const AdamwParams& params, cudaStream_t stream);

}  // namespace lsk
