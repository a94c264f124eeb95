// Adds up the parts of a sum in their order: some threads per element ("ways") take every ways-th part, then the ways are added in their order.
#pragma once
#include "device/conversions.cuh"
#include "kernels/reduction/reduction.h"

namespace lsk::reduction {

constexpr int partial_threads = 256;
constexpr int loads_in_flight = 4;

template <class Element>
__global__ __launch_bounds__(partial_threads) void partial_sums_kernel(const PartialSumsParams p, int ways) {
    LSK_SHARED(shared);
    auto* sums = reinterpret_cast<float*>(shared);  // [ways, columns]
    const int columns = partial_threads / ways, column = threadIdx.x % columns, way = threadIdx.x / columns;
    const int64_t element = int64_t(blockIdx.x) * columns + column;
    float sum = 0.0f;
    if (element < p.elements) {
        int part = way;
        for (; part + (loads_in_flight - 1) * ways < p.parts; part += loads_in_flight * ways) {
            float loaded[loads_in_flight];
            LSK_UNROLL for (int i = 0; i < loads_in_flight; i++) loaded[i] = p.partials[(part + i * ways) * p.stride + element];
            LSK_UNROLL for (int i = 0; i < loads_in_flight; i++) sum += loaded[i];
        }
        for (; part < p.parts; part += ways) sum += p.partials[part * p.stride + element];
    }
    if (ways > 1) {
        sums[threadIdx.x] = sum;
        __syncthreads();
        if (way > 0) return;
        for (int i = 1; i < ways; i++) sum += sums[i * columns + column];
    }
    if (element >= p.elements) return;
    if (p.bias) sum += device::to_float(static_cast<const Element*>(p.bias)[element % p.bias_width]);
    Element& output = static_cast<Element*>(p.output)[element];
    output = device::from_float<Element>(p.add ? device::to_float(output) + sum : sum);
}

}  // namespace lsk::reduction
