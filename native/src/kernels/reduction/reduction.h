// Sums over rows in an order that does not depend on scheduling: parts of the rows first, then the parts in their order.
#pragma once
#include <cuda_runtime.h>
#include <cstdint>

namespace lsk {

// output[i] (+)= sum over parts of partials[part, i] (+ bias[i % bias_width]).
struct PartialSumsParams {
    const float* partials;  // [parts, stride], of which the first `elements` of a part are summed
    void* output;           // [elements] of dtype
    int64_t elements;
    int64_t stride;
    int parts;
    int dtype;
    int add;                // 1: added to what the output holds
    const void* bias;       // [bias_width] of dtype, or null
    int bias_width;
};

cudaError_t launch_partial_sums(const PartialSumsParams& params, cudaStream_t stream);

// Per part of the rows and per column: sum of y, and sum of y (x - mean - correction) / deviation where there is an x.
struct ColumnSumsParams {
    const void* y;           // [rows, width] of dtype
    const void* x;           // [rows, width] of dtype, or null
    const float* moments;    // [rows, 3] mean, its correction, 1 / deviation of x's rows; with x
    float* sums;             // [parts, stride], of which the first `width` are written
    float* normalized_sums;  // [parts, stride], likewise; with x
    int64_t rows;
    int64_t stride;
    int width;
    int parts;
    int dtype;
};

cudaError_t launch_column_sums(const ColumnSumsParams& params, cudaStream_t stream);

// Parts that fill the device for a tensor of this shape without making any of them tiny.
int column_sum_parts(int64_t rows, int width, int multiprocessors);

}  // namespace lsk
