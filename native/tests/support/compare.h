// Comparison with a reference computed in double.
#pragma once
#include <doctest/doctest.h>
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>
#include "support/elements.h"

namespace lsk::test {

// Infinities and NaN must stand where the reference has them.
inline double largest_error(const std::vector<double>& actual, const std::vector<double>& reference) {
    REQUIRE(actual.size() == reference.size());
    double largest = 0;
    for (size_t i = 0; i < actual.size(); i++) {
        if (std::isinf(reference[i]) && actual[i] == reference[i]) continue;
        const double error = std::abs(actual[i] - reference[i]);
        if (!(error <= largest)) largest = std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
    }
    return largest;
}

inline double relative_l2(const std::vector<double>& actual, const std::vector<double>& reference) {
    REQUIRE(actual.size() == reference.size());
    double error = 0, norm = 0;
    for (size_t i = 0; i < actual.size(); i++) {
        if (std::isinf(reference[i]) && actual[i] == reference[i]) continue;
        error += (actual[i] - reference[i]) * (actual[i] - reference[i]);
        norm += reference[i] * reference[i];
    }
    return error == 0 ? 0 : std::sqrt(error / std::max(norm, 1e-300));
}

// The FlashAttention rule: at most twice the error of the naive computation in the storage type, plus a trifle.
inline void check_against_naive(const char* what, const std::vector<double>& actual, const std::vector<double>& reference, const std::vector<double>& naive, double tiny) {
    const double error = largest_error(actual, reference), allowed = 2 * largest_error(naive, reference) + tiny;
    INFO(std::string(what));
    CHECK_MESSAGE(error <= allowed, std::string(what) << ": largest error " << error << ", allowed " << allowed);
}

// Where the reference's rounding to storage is the yardstick: a few roundings of the largest magnitude.
inline void check_close(const char* what, const std::vector<double>& actual, const std::vector<double>& reference, lsk_dtype dtype, double roundings = 4) {
    double largest = 1e-30;
    for (const double value : reference)
        if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
    const double error = largest_error(actual, reference), allowed = roundings * unit_roundoff(dtype) * largest;
    CHECK_MESSAGE(error <= allowed, std::string(what) << ": largest error " << error << ", allowed " << allowed);
}

}  // namespace lsk::test
