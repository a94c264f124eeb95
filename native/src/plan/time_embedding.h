// Buckets of time gaps as thresholds, computed where the formula is: in double on the host, so that a device's logarithm never moves an event.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace lsk {

// The smallest gap of every bucket from 1 on, as far as gaps reach: the bucket of a gap is the number of thresholds that are at most the gap.
std::vector<int64_t> bucket_thresholds(int buckets, double unit, int per_octave);

struct TimeEmbeddingLayout {
    int parts = 1;             // of the rows, in the backward
    int warps_per_block = 1;
    bool in_shared = false;    // tables of sums in shared memory, else in the workspace
    int64_t workspace_bytes = 0;
};

TimeEmbeddingLayout time_embedding_layout(int64_t rows, int width, int buckets, int multiprocessors);

std::string explain(const TimeEmbeddingLayout& layout, int64_t rows, int width, int buckets, const char* dtype);

}  // namespace lsk
