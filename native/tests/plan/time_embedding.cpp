#include "plan/time_embedding.h"

#include <doctest/doctest.h>
#include <algorithm>
#include <cmath>
#include <random>

namespace {
// As the contract has it.
int64_t bucket_of(int64_t gap, int buckets, double unit, int per_octave) {
    if (gap <= 0) return 0;
    return static_cast<int64_t>(std::min<double>(buckets - 1, 1 + std::floor(per_octave * std::log2(1 + double(gap) / unit))));
}
}  // namespace

TEST_SUITE("time_embedding") {
    TEST_CASE("thresholds give the bucket of the formula for gaps of every size") {
        std::mt19937_64 generator(1);
        for (const int buckets : {2, 16, 64, 400})
            for (const int per_octave : {1, 2, 7})
                for (const double unit : {1e-6, 1.0, 60.0, 86400.5, 1e12, 1e300}) {
                    const std::vector<int64_t> thresholds = lsk::bucket_thresholds(buckets, unit, per_octave);
                    CHECK(std::is_sorted(thresholds.begin(), thresholds.end()));
                    CHECK(thresholds.size() < size_t(buckets));
                    int wrong = 0;
                    for (int i = 0; i < 2000; i++) {
                        const auto gap = static_cast<int64_t>(generator() >> (1 + generator() % 63));
                        const auto bucket = std::upper_bound(thresholds.begin(), thresholds.end(), gap) - thresholds.begin();
                        wrong += bucket != bucket_of(gap, buckets, unit, per_octave);
                    }
                    CHECK(wrong == 0);
                }
    }

    TEST_CASE("a table too large for shared memory is summed in the workspace") {
        CHECK(lsk::time_embedding_layout(1000000, 128, 64, 132).in_shared);
        CHECK_FALSE(lsk::time_embedding_layout(1000000, 128, 1000, 132).in_shared);
    }
}
