// Inputs: the same numbers on every machine.
#pragma once
#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>
#include <vector>

namespace lsk::test {

// Standard normal numbers times a factor. Box-Muller over a fixed generator: the standard library's distributions differ between vendors.
inline std::vector<double> normal(size_t count, uint64_t seed, double factor = 1.0) {
    std::mt19937_64 generator(seed);
    const auto uniform = [&] { return (static_cast<double>(generator() >> 11) + 0.5) * 0x1p-53; };
    std::vector<double> values(count);
    for (double& value : values) value = factor * std::sqrt(-2.0 * std::log(uniform())) * std::cos(2.0 * std::numbers::pi * uniform());
    return values;
}

// Offsets [segments + 1] of the lengths of segments.
inline std::vector<int64_t> offsets_of(const std::vector<int64_t>& lengths) {
    std::vector<int64_t> offsets{0};
    for (const int64_t length : lengths) offsets.push_back(offsets.back() + length);
    return offsets;
}

}  // namespace lsk::test
