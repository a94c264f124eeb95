// Four parameters a thread. Every operation is rounded on its own, never fused, so that the managed optimiser takes the same steps to the bit.
#pragma once
#include "device/chunk.cuh"
#include "kernels/adamw/adamw.h"

namespace lsk::adamw {

constexpr int threads = 256;
constexpr int per_thread = Chunk<float>::elements;

__global__ __launch_bounds__(threads) void step_kernel(const AdamwParams p) {
    const int64_t first = (int64_t(blockIdx.x) * threads + threadIdx.x) * per_thread;
    if (first >= p.parameters) return;
    const int count = int(min(p.parameters - first, int64_t(per_thread)));
    const RowAlignment alignment = count == per_thread ? p.alignment : RowAlignment::elements;
    const Chunk<float> gradients = load_chunk(p.gradient + first, 0, count, alignment);
    Chunk<float> means = load_chunk(p.first_moment + first, 0, count, alignment), squares = load_chunk(p.second_moment + first, 0, count, alignment);
    Chunk<float> values = load_chunk(p.parameter + first, 0, count, alignment);
    LSK_UNROLL for (int i = 0; i < per_thread; i++) {
        const float g = __fmul_rn(gradients.value[i], p.gradient_scale);
        const float m = __fadd_rn(__fmul_rn(means.value[i], p.beta1), __fmul_rn(g, p.rest1));
        const float v = __fadd_rn(__fmul_rn(squares.value[i], p.beta2), __fmul_rn(__fmul_rn(g, g), p.rest2));
        const float step = __fmul_rn(m, p.rate) / __fadd_rn(sqrtf(__fmul_rn(v, p.second_correction)), p.epsilon);
        means.value[i] = m;
        squares.value[i] = v;
        values.value[i] = __fadd_rn(__fmul_rn(values.value[i], p.keep), -step);
    }
    store_chunk(p.first_moment + first, 0, count, alignment, means);
    store_chunk(p.second_moment + first, 0, count, alignment, squares);
    store_chunk(p.parameter + first, 0, count, alignment, values);
}

}  // namespace lsk::adamw
