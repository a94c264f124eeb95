// Summary rows to bytes and back: what the host passes and what it may launch.
#pragma once
#include <cuda_runtime.h>
#include <cstdint>
#include "device/row_alignment.h"

namespace lsk {

struct SummaryCodecParams {
    float* values;           // [rows, width]
    uint8_t* codes;          // [rows, bytes of a row]
    float* scales;           // [rows]
    int64_t rows;
    int width;
    int encoding;            // lsk_encoding
    RowAlignment alignment;  // chunks: groups of 8 elements are aligned on both sides
    int lanes;               // per row: a power of 2
};

cudaError_t launch_summary_encode(const SummaryCodecParams& params, cudaStream_t stream);
cudaError_t launch_summary_decode(const SummaryCodecParams& params, cudaStream_t stream);

}  // namespace lsk
