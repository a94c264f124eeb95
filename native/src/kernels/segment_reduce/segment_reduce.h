// Reduction of segments to one row: what the host passes and what it may launch.
#pragma once
#include <cuda_runtime.h>
#include <cstdint>
#include "device/row_alignment.h"
#include "kernels/segment_reduce/segment_pieces.h"

namespace lsk {

struct SegmentReduceParams {
    const void* input;            // [total, width]; not read by the backward of sum and mean
    void* output;                 // [segments, width], or null: only the rows of the maxima are wanted
    int64_t* maximum_rows;        // [segments, width] rows of the maxima, or null
    float* partials;              // [partials, width]
    int64_t* partial_rows;        // [partials, width]; maximum only
    const void* output_gradient;  // [segments, width]; backward only
    void* input_gradient;         // [total, width]; backward only
    const SegmentPiece* pieces;   // [piece_count]
    const SplitSegment* splits;   // [split_count]
    int64_t piece_count;
    int64_t split_count;
    int width;
    int dtype;
    int reduction;                // lsk_reduction
    RowAlignment alignment;       // of input, gradients
    int lanes;                    // per row: a power of 2
};

// Forward, or for the backward of a maximum the rows that it came from.
cudaError_t launch_segment_reduce(const SegmentReduceParams& params, cudaStream_t stream);

// Gives every row of a segment its share of the gradient.
cudaError_t launch_segment_spread(const SegmentReduceParams& params, cudaStream_t stream);

}  // namespace lsk
