// The rates of memory: a copy, and a read whose bytes all reach a sum. The host's checks of the sums keep both honest.
#pragma once
#include "device/platform.cuh"

namespace lsk::ceilings {

constexpr int memory_threads = 512;
constexpr int loads_in_flight = 8;  // 16 bytes each, before the first is used
constexpr int64_t chunks_per_step = int64_t(memory_threads) * loads_in_flight;

// A block's next span of 16-byte chunks, and the thread's first in it.
LSK_DEVICE int64_t first_chunk(int64_t step) { return (step * gridDim.x + blockIdx.x) * chunks_per_step + threadIdx.x; }

// `chunks` is a multiple of chunks_per_step.
__global__ __launch_bounds__(memory_threads) void copy_kernel(const uint4* from, uint4* to, int64_t chunks) {
    for (int64_t step = 0, first = first_chunk(0); first < chunks; first = first_chunk(++step)) {
        uint4 chunk[loads_in_flight];
        LSK_UNROLL for (int i = 0; i < loads_in_flight; i++) chunk[i] = from[first + i * memory_threads];
        LSK_UNROLL for (int i = 0; i < loads_in_flight; i++) to[first + i * memory_threads] = chunk[i];
    }
}

// sums[thread of the grid] = XOR of the words it read, over `passes` passes: several over a buffer in the L2, one over a larger one.
__global__ __launch_bounds__(memory_threads) void read_kernel(const uint4* from, uint32_t* sums, int64_t chunks, int passes) {
    uint32_t sum = 0;
    for (int pass = 0; pass < passes; pass++)
        for (int64_t step = 0, first = first_chunk(0); first < chunks; first = first_chunk(++step)) {
            uint4 chunk[loads_in_flight];
            LSK_UNROLL for (int i = 0; i < loads_in_flight; i++) chunk[i] = from[first + i * memory_threads];
            LSK_UNROLL for (int i = 0; i < loads_in_flight; i++) sum ^= chunk[i].x ^ chunk[i].y ^ chunk[i].z ^ chunk[i].w;
            // Each pass must be loaded again: the sum's use here keeps a pass from being merged with the one before.
            sum = sum << 1 | sum >> 31;
        }
    sums[blockIdx.x * memory_threads + threadIdx.x] = sum;
}

}  // namespace lsk::ceilings
