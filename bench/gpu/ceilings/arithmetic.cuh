// The rates of the matrix units through mma.sync and of the exponential unit, out of registers.
#pragma once
#include "device/ptx.cuh"

namespace lsk::ceilings {

constexpr int matrix_threads = 256;
constexpr int matrix_blocks_per_multiprocessor = 2;
constexpr int tiles_a = 4, tiles_b = 4;  // 16 products in flight per warp
constexpr int64_t operations_per_product = 2 * 16 * 8 * 16;
constexpr int words_per_warp = 32 * (tiles_a * 4 + tiles_b * 2);

constexpr int exponential_threads = 512;
constexpr int exponential_blocks_per_multiprocessor = 4;
constexpr int exponentials_in_flight = 8;

// operands: [words_per_warp] random bf16 pairs, the same for every warp; sums: [threads of the grid].
__global__ __launch_bounds__(matrix_threads, matrix_blocks_per_multiprocessor) void matrix_kernel(const uint32_t* operands, float* sums, int iterations) {
    const int lane = threadIdx.x % 32;
    uint32_t a[tiles_a][4], b[tiles_b][2];
    LSK_UNROLL for (int i = 0; i < tiles_a; i++)
        LSK_UNROLL for (int j = 0; j < 4; j++) a[i][j] = operands[(i * 4 + j) * 32 + lane];
    LSK_UNROLL for (int i = 0; i < tiles_b; i++)
        LSK_UNROLL for (int j = 0; j < 2; j++) b[i][j] = operands[(tiles_a * 4 + i * 2 + j) * 32 + lane];
    float d[tiles_a][tiles_b][4] = {};
    for (int iteration = 0; iteration < iterations; iteration++)
        LSK_UNROLL for (int i = 0; i < tiles_a; i++)
            LSK_UNROLL for (int j = 0; j < tiles_b; j++) ptx::mma_bf16_16816(d[i][j], a[i], b[j]);
    float sum = 0.0f;
    LSK_UNROLL for (int i = 0; i < tiles_a; i++)
        LSK_UNROLL for (int j = 0; j < tiles_b; j++)
            LSK_UNROLL for (int k = 0; k < 4; k++) sum += d[i][j][k];
    sums[blockIdx.x * matrix_threads + threadIdx.x] = sum;
}

// x = 2^-x, again and again: the values stay between 0 and 1 and differ from thread to thread.
__global__ __launch_bounds__(exponential_threads) void exponential_kernel(float* sums, int iterations) {
    const int thread = int(blockIdx.x) * exponential_threads + int(threadIdx.x);
    float x[exponentials_in_flight];
    LSK_UNROLL for (int i = 0; i < exponentials_in_flight; i++) x[i] = float((thread + i) % 64) * (1.0f / 64);
    for (int iteration = 0; iteration < iterations; iteration++)
        LSK_UNROLL for (int i = 0; i < exponentials_in_flight; i++) x[i] = ptx::exp2(-x[i]);
    float sum = 0.0f;
    LSK_UNROLL for (int i = 0; i < exponentials_in_flight; i++) sum += x[i];
    sums[thread] = sum;
}

__global__ void empty_kernel() {}

}  // namespace lsk::ceilings
