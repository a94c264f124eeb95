// One warp merges one row: lse = ln sum_p exp(lse_p), o = sum_p exp(lse_p - lse) o_p, parts in their order.
#pragma once
#include "device/ptx.cuh"
#include "device/warp.cuh"
#include "kernels/merge_states/merge_states.h"

namespace lsk::merge_states {

constexpr int warps_per_block = 4;
constexpr int columns_per_lane = 4;  // independent loads in flight per part

// exp(top) * sum is the weight of all parts of a row together. Shares are taken from the two, not from their LSE, whose own rounding would
// be a relative error of every share.
struct RowTotal {
    float top;  // -infinity where every part is empty
    float sum;
};

// The same in every lane.
LSK_DEVICE RowTotal row_total(const MergeStatesParams& p, int64_t row, int lane) {
    float top = -INFINITY;
    for (int part = lane; part < p.parts; part += 32) top = fmaxf(top, p.log_sum_exps[part * p.rows + row]);
    top = warp_max(top);
    if (top == -INFINITY) return {top, 0.0f};
    float sum = 0.0f;
    for (int part = lane; part < p.parts; part += 32) sum += ptx::exp2((p.log_sum_exps[part * p.rows + row] - top) * log2_e);
    return {top, warp_sum(sum)};
}

// A part's share of its row; 0 for an empty part, also where all are.
LSK_DEVICE float part_weight(const MergeStatesParams& p, int part, int64_t row, const RowTotal& total) {
    const float part_lse = p.log_sum_exps[part * p.rows + row];
    return part_lse == -INFINITY ? 0.0f : ptx::exp2((part_lse - total.top) * log2_e) / total.sum;
}

__global__ __launch_bounds__(warps_per_block * 32) void forward_kernel(const MergeStatesParams p) {
    const int lane = threadIdx.x % 32;
    const int64_t row = int64_t(blockIdx.x) * warps_per_block + threadIdx.x / 32;
    if (row >= p.rows) return;
    const RowTotal total = row_total(p, row, lane);
    if (lane == 0) p.log_sum_exp[row] = total.sum == 0.0f ? -INFINITY : total.top + ptx::log2(total.sum) * ln_2;
    for (int first = lane; first < p.width; first += 32 * columns_per_lane) {
        float sum[columns_per_lane] = {};
        for (int part = 0; part < p.parts; part++) {
            const float weight = part_weight(p, part, row, total);
            if (weight == 0.0f) continue;  // an empty part's output is not read
            const float* from = p.outputs + (part * p.rows + row) * p.width;
            LSK_UNROLL for (int i = 0; i < columns_per_lane; i++)
                if (first + i * 32 < p.width) sum[i] += weight * from[first + i * 32];
        }
        LSK_UNROLL for (int i = 0; i < columns_per_lane; i++)
            if (first + i * 32 < p.width) p.output[row * p.width + first + i * 32] = sum[i];
    }
}

// dO_p = w_p dO; dLSE_p = w_p (dO . O_p - dO . O + dLSE).
__global__ __launch_bounds__(warps_per_block * 32) void backward_kernel(const MergeStatesParams p) {
    const int lane = threadIdx.x % 32;
    const int64_t row = int64_t(blockIdx.x) * warps_per_block + threadIdx.x / 32;
    if (row >= p.rows) return;
    const RowTotal total = row_total(p, row, lane);
    const float* gradient = p.output_gradient + row * p.width;
    float mean = 0.0f;  // dO . O
    for (int part = 0; part < p.parts; part++) {
        const float weight = part_weight(p, part, row, total);
        const int64_t at = part * p.rows + row;
        float dot = 0.0f;
        for (int column = lane; column < p.width; column += 32) {
            p.output_gradients[at * p.width + column] = weight * gradient[column];
            if (weight != 0.0f) dot += gradient[column] * p.outputs[at * p.width + column];
        }
        dot = warp_sum(dot);
        mean += weight * dot;
        if (lane == 0) p.log_sum_exp_gradients[at] = dot;  // finished below, once the mean is known
    }
    if (lane != 0) return;
    const float of_lse = p.log_sum_exp_gradient ? p.log_sum_exp_gradient[row] : 0.0f;
    for (int part = 0; part < p.parts; part++) {
        const int64_t at = part * p.rows + row;
        p.log_sum_exp_gradients[at] = part_weight(p, part, row, total) * (p.log_sum_exp_gradients[at] - mean + of_lse);
    }
}

}  // namespace lsk::merge_states
