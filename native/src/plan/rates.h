// What a multiprocessor does in a clock, roughly; only ratios matter to the planners' costs.
#pragma once
#include "plan/cross_attention.h"

namespace lsk {

// Products are multiplications with an addition, at the rate of mma.sync on 16-bit factors; decoded are elements of encoded histories.
struct Rates {
    double memory_bytes, products, exponentials, shared_bytes, decoded;
};

inline Rates rates_of(const Chip& chip, int element_bytes) {
    constexpr double of_fp32 = 1.0 / 6;  // three products at half the rate
    Rates rates = chip.compute_capability >= 90 ? Rates{18, 1300, 16, 128, 32} : chip.compute_capability == 89 ? Rates{3, 512, 16, 128, 32} : Rates{13, 1024, 16, 128, 32};
    if (element_bytes == 4) rates.products *= of_fp32;
    return rates;
}

}  // namespace lsk
