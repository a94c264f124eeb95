// Embeddings of time gaps: what the host passes and what it may launch.
#pragma once
#include <cuda_runtime.h>
#include <cstdint>
#include "device/row_alignment.h"

namespace lsk {

struct TimeEmbeddingParams {
    const int64_t* request_times;  // [segments]
    const int64_t* event_times;    // [total]
    const int64_t* offsets;        // [segments + 1]
    const int64_t* thresholds;     // [threshold_count]: the bucket of a gap is the number of them that are at most the gap
    const void* table;             // [buckets, width]; forward only
    void* rows;                    // [total, width]; forward only
    const void* row_gradient;      // [total, width]; backward only
    float* partials;               // [parts, buckets, width]; backward only
    int64_t segments;
    int64_t total;
    int threshold_count;
    int width;
    int buckets;
    int dtype;
    int parts;
    RowAlignment alignment;        // of table and rows
};

cudaError_t launch_time_embedding(const TimeEmbeddingParams& params, cudaStream_t stream);

enum class TableMemory { shared, workspace };

cudaError_t launch_time_embedding_backward(const TimeEmbeddingParams& params, TableMemory memory, int warps_per_block, cudaStream_t stream);

}  // namespace lsk
