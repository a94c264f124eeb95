#include "plan/time_embedding.h"

#include <algorithm>
#include <cmath>

namespace lsk {

// As TimeBuckets.Of, with its cast to int, which rounds down and saturates.
static int64_t bucket_of(int64_t gap, int buckets, double unit, int per_octave) {
    if (gap <= 0) return 0;
    const double octaves = per_octave * std::log2(1 + double(gap) / unit);
    return octaves >= buckets - 1 ? buckets - 1 : 1 + static_cast<int64_t>(octaves);
}

std::vector<int64_t> bucket_thresholds(int buckets, double unit, int per_octave) {
    std::vector<int64_t> thresholds;
    const int64_t last = bucket_of(INT64_MAX, buckets, unit, per_octave);
    int64_t low = 0;  // a gap below the next threshold, or at it where a bucket has no gap
    for (int64_t bucket = 1; bucket <= last; bucket++) {
        int64_t below = low, at = INT64_MAX;
        while (at - below > 1) {
            const int64_t middle = below + (at - below) / 2;
            (bucket_of(middle, buckets, unit, per_octave) >= bucket ? at : below) = middle;
        }
        thresholds.push_back(at);
        low = at - 1;
    }
    return thresholds;
}

constexpr int64_t slab_bytes = 128;             // of a bucket: 32 columns of sums
constexpr int64_t shared_budget = 48 * 1024;    // of a block, so that several blocks share a multiprocessor
constexpr int64_t most_shared = 96 * 1024;      // of a block of one warp; every supported device has it
constexpr int most_warps = 4;
constexpr int64_t rows_worth_a_part = 512;      // fewer, and storing the table of sums outweighs reading the rows
constexpr int warps_per_multiprocessor = 16;

TimeEmbeddingLayout time_embedding_layout(int64_t rows, int width, int buckets, int multiprocessors) {
    TimeEmbeddingLayout layout;
    const int64_t slabs = (width + 31) / 32, filling = (int64_t(warps_per_multiprocessor) * multiprocessors + slabs - 1) / slabs;
    const int64_t worthwhile = rows / std::max<int64_t>(rows_worth_a_part, 4 * int64_t(buckets));
    layout.parts = static_cast<int>(std::clamp<int64_t>(std::min(filling, worthwhile), 1, 65535));
    layout.in_shared = buckets * slab_bytes <= most_shared;
    layout.warps_per_block = layout.in_shared ? static_cast<int>(std::clamp<int64_t>(shared_budget / (buckets * slab_bytes), 1, most_warps)) : most_warps;
    layout.workspace_bytes = int64_t(layout.parts) * buckets * width * 4;
    return layout;
}

std::string explain(const TimeEmbeddingLayout& layout, int64_t rows, int width, int buckets, const char* dtype) {
    return std::string("sm80_time_embedding ") + dtype + ": " + std::to_string(rows) + " rows of " + std::to_string(width) + ", " + std::to_string(buckets) +
           " buckets by thresholds from the host.\nBackward: " + std::to_string(layout.parts) + " parts of the rows, each summed in its order in " +
           (layout.in_shared ? "shared memory" : "the workspace, as the table exceeds shared memory") + ", added up in the order of the parts.";
}

}  // namespace lsk
