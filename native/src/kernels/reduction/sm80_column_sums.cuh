// One lane per column, one span of rows per warp, the block's warps added in their order; one part of the rows per block.
#pragma once
#include "device/conversions.cuh"
#include "kernels/reduction/reduction.h"

namespace lsk::reduction {

constexpr int column_warps = 8;
constexpr int column_rows_in_flight = 4;

struct ColumnSumsShared {
    float sum[column_warps][32];
    float normalized[column_warps][32];
};

template <class Element>
__global__ __launch_bounds__(column_warps * 32) void column_sums_kernel(const ColumnSumsParams p) {
    LSK_SHARED(bytes);
    auto& shared = *reinterpret_cast<ColumnSumsShared*>(bytes);
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, part = blockIdx.y;
    const int column = blockIdx.x * 32 + lane;
    const int64_t spans = int64_t(p.parts) * column_warps, span = int64_t(part) * column_warps + warp;
    const int64_t begin = p.rows * span / spans, end = p.rows * (span + 1) / spans;
    float sum = 0.0f, normalized = 0.0f;
    if (column < p.width) {
        const auto* y = static_cast<const Element*>(p.y) + column;
        const auto* x = static_cast<const Element*>(p.x) + column;
        for (int64_t first = begin; first < end; first += column_rows_in_flight) {
            float loaded[column_rows_in_flight], other[column_rows_in_flight];
            LSK_UNROLL for (int i = 0; i < column_rows_in_flight; i++) {
                const bool inside = first + i < end;
                loaded[i] = inside ? device::to_float(y[(first + i) * p.width]) : 0.0f;
                other[i] = 0.0f;
                if (!inside || !p.x) continue;
                const float* moments = p.moments + 3 * (first + i);
                other[i] = (device::to_float(x[(first + i) * p.width]) - moments[0] - moments[1]) * moments[2];
            }
            LSK_UNROLL for (int i = 0; i < column_rows_in_flight; i++) {
                sum += loaded[i];
                normalized += loaded[i] * other[i];
            }
        }
    }
    shared.sum[warp][lane] = sum;
    shared.normalized[warp][lane] = normalized;
    __syncthreads();
    if (warp > 0 || column >= p.width) return;
    for (int i = 1; i < column_warps; i++) {
        sum += shared.sum[i][lane];
        normalized += shared.normalized[i][lane];
    }
    p.sums[part * p.stride + column] = sum;
    if (p.x) p.normalized_sums[part * p.stride + column] = normalized;
}

}  // namespace lsk::reduction
