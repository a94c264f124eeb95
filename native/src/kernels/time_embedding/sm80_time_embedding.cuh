// Adds to every row the embedding of its time gap, and sums row gradients by bucket. A warp takes 32 rows at a time: each lane finds the bucket of one.
#pragma once
#include "device/chunk.cuh"
#include "kernels/time_embedding/time_embedding.h"

namespace lsk::time_embedding {

constexpr int forward_warps = 4;
constexpr int rows_in_flight = 16;

// How many of sorted numbers are at most `value`.
LSK_DEVICE int64_t count_up_to(const int64_t* sorted, int64_t count, int64_t value) {
    int64_t low = 0;
    while (count > 0) {
        const int64_t half = count / 2;
        const bool right = sorted[low + half] <= value;
        low = right ? low + half + 1 : low;
        count = right ? count - half - 1 : half;
    }
    return low;
}

LSK_DEVICE int bucket_of(const TimeEmbeddingParams& p, int64_t row) {
    const int64_t segment = count_up_to(p.offsets, p.segments + 1, row) - 1;  // empty segments begin where their successor does
    const auto gap = static_cast<int64_t>(static_cast<uint64_t>(p.request_times[segment]) - static_cast<uint64_t>(p.event_times[row]));
    return static_cast<int>(count_up_to(p.thresholds, p.threshold_count, gap));
}

template <class Element>
__global__ __launch_bounds__(forward_warps * 32) void forward_kernel(const TimeEmbeddingParams p) {
    constexpr int elements = Chunk<Element>::elements;
    const int lane = threadIdx.x % 32;
    const int64_t first = (int64_t(blockIdx.x) * forward_warps + threadIdx.x / 32) * 32;
    if (first >= p.total) return;
    const int rows = int(min(p.total - first, int64_t(32)));
    const int bucket = lane < rows ? bucket_of(p, first + lane) : 0;
    const int chunks = (p.width + elements - 1) / elements;
    for (int64_t i = lane; i - lane < int64_t(rows) * chunks; i += 32) {
        const int row = int(i / chunks), column = int(i % chunks) * elements;
        const int of_row = __shfl_sync(all_lanes, bucket, row % 32);
        if (row >= rows) continue;
        Element* to = static_cast<Element*>(p.rows) + (first + row) * p.width;
        Chunk<Element> sum = load_chunk(to, column, p.width, p.alignment);
        const Chunk<Element> embedding = load_chunk(static_cast<const Element*>(p.table) + int64_t(of_row) * p.width, column, p.width, p.alignment);
        LSK_UNROLL for (int e = 0; e < elements; e++) sum.value[e] += embedding.value[e];
        store_chunk(to, column, p.width, p.alignment, sum);
    }
}

// A warp sums one part of the rows, in their order, over 32 columns: each lane owns a column of the table, so nothing is shared.
template <class Element>
__global__ void backward_kernel(const TimeEmbeddingParams p, TableMemory memory) {
    LSK_SHARED(bytes);
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, slabs = (p.width + 31) / 32;
    const int64_t item = int64_t(blockIdx.x) * (blockDim.x / 32) + warp;
    if (item >= int64_t(p.parts) * slabs) return;
    const int part = int(item / slabs), column = int(item % slabs) * 32 + lane;
    const bool inside = column < p.width;
    const int64_t begin = p.total * part / p.parts, end = p.total * (part + 1) / p.parts;
    float* partial = p.partials + int64_t(part) * p.buckets * p.width + (inside ? column : 0);
    float* sums = memory == TableMemory::shared ? reinterpret_cast<float*>(bytes) + warp * p.buckets * 32 + lane : partial;
    const int stride = memory == TableMemory::shared ? 32 : p.width;
    for (int bucket = 0; bucket < p.buckets && inside; bucket++) sums[int64_t(bucket) * stride] = 0.0f;
    for (int64_t first = begin; first < end; first += 32) {
        const int rows = int(min(end - first, int64_t(32)));
        const int bucket = lane < rows ? bucket_of(p, first + lane) : 0;
        for (int next = 0; next < rows; next += rows_in_flight) {
            float loaded[rows_in_flight];
            LSK_UNROLL for (int i = 0; i < rows_in_flight; i++)
                loaded[i] = inside && next + i < rows ? device::to_float(static_cast<const Element*>(p.row_gradient)[(first + next + i) * p.width + column]) : 0.0f;
            LSK_UNROLL for (int i = 0; i < rows_in_flight; i++) {
                const int of_row = __shfl_sync(all_lanes, bucket, next + i);
                if (inside && next + i < rows) sums[int64_t(of_row) * stride] += loaded[i];
            }
        }
    }
    if (memory == TableMemory::workspace || !inside) return;
    for (int bucket = 0; bucket < p.buckets; bucket++) partial[int64_t(bucket) * p.width] = sums[int64_t(bucket) * stride];
}

}  // namespace lsk::time_embedding
