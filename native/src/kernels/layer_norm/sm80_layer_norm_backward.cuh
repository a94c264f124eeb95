// With n = (x - mean) / deviation and e = dy gain: dx = (e - mean(e) - n mean(e n)) / deviation; the gradients of gain and bias are the sums of dy n and dy.
// A block takes a span of rows and leaves its sums of them, which a second launch adds up in the order of the blocks.
#pragma once
#include "kernels/layer_norm/sm80_layer_norm.cuh"

namespace lsk::layer_norm {

template <class Element>
struct BackwardShared {
    static constexpr int row_elements = kept_chunks * Chunk<Element>::elements;  // of a lane
    float sums[2][threads][row_elements];                                         // gain, bias
};

// The sums of this lane's columns over the rows that its group has seen.
template <class Element>
struct LaneSums {
    Chunk<Element> gain[kept_chunks], bias[kept_chunks];

    LSK_DEVICE LaneSums() {
        LSK_UNROLL for (int i = 0; i < kept_chunks; i++)
            LSK_UNROLL for (int e = 0; e < Chunk<Element>::elements; e++) gain[i].value[e] = bias[i].value[e] = 0.0f;
    }

    // Adds the groups in their order.
    LSK_DEVICE void store(const LayerNormParams& p, BackwardShared<Element>& shared) const {
        constexpr int elements = Chunk<Element>::elements;
        LSK_UNROLL for (int i = 0; i < kept_chunks; i++)
            LSK_UNROLL for (int e = 0; e < elements; e++) {
                shared.sums[0][threadIdx.x][i * elements + e] = gain[i].value[e];
                shared.sums[1][threadIdx.x][i * elements + e] = bias[i].value[e];
            }
        __syncthreads();
        for (int at = threadIdx.x; at < 2 * p.width; at += threads) {
            const int which = at / p.width, column = at % p.width;
            const int chunk = column / elements, lane = chunk % p.lanes, element = chunk / p.lanes * elements + column % elements;
            float sum = 0.0f;
            for (int thread = lane; thread < threads; thread += p.lanes) sum += shared.sums[which][thread][element];
            p.partial_gradients[int64_t(blockIdx.x) * 2 * p.width + at] = sum;
        }
    }
};

template <class Element>
__global__ __launch_bounds__(threads) void backward_kernel(const LayerNormParams p) {
    LSK_SHARED(bytes);
    constexpr int elements = Chunk<Element>::elements;
    const int groups = threads / p.lanes;
    const int64_t begin = p.rows * blockIdx.x / p.blocks, end = p.rows * (blockIdx.x + 1) / p.blocks;
    LaneSums<Element> sums;
    for (int64_t first = begin; first < end; first += groups) {
        const int64_t row = first + threadIdx.x / p.lanes;
        const bool inside = row < end;  // every lane takes part in the sums
        const SpreadRow<Element> x(p.input, inside ? row : begin, p), dy(p.output_gradient, inside ? row : begin, p);
        const Moments moments = moments_of(x, p.epsilon);
        float sum = 0.0f, product = 0.0f;
        x.for_each_with(dy, [&](int column, const Chunk<Element>& of_x, const Chunk<Element>& of_dy) {
            const Chunk<Element> gain = load_parameter<Element>(p.gain, column, p, 1.0f);
            LSK_UNROLL for (int e = 0; e < elements; e++) {
                const float normalized = column + e < p.width ? moments.normalized(of_x.value[e]) : 0.0f;
                const float scaled = of_dy.value[e] * (column + e < p.width ? gain.value[e] : 0.0f);
                sum += scaled;
                product += scaled * normalized;
            }
        });
        const float mean = group_sum(sum, p.lanes) / float(p.width), mean_product = group_sum(product, p.lanes) / float(p.width);
        if (!inside) continue;
        if (p.moments && x.lane == 0) {
            p.moments[3 * row] = moments.mean;
            p.moments[3 * row + 1] = moments.off;
            p.moments[3 * row + 2] = moments.inverse_deviation;
        }
        if (p.partial_gradients) {
            LSK_UNROLL for (int i = 0; i < kept_chunks; i++)
                LSK_UNROLL for (int e = 0; e < elements; e++) {
                    const float gradient = x.column(i) + e < p.width ? dy.kept[i].value[e] : 0.0f;
                    sums.gain[i].value[e] += gradient * moments.normalized(x.kept[i].value[e]);
                    sums.bias[i].value[e] += gradient;
                }
        }
        if (!p.input_gradient) continue;
        Element* dx = static_cast<Element*>(p.input_gradient) + row * p.width;
        x.for_each_with(dy, [&](int column, const Chunk<Element>& of_x, const Chunk<Element>& of_dy) {
            const Chunk<Element> gain = load_parameter<Element>(p.gain, column, p, 1.0f);
            Chunk<Element> result;
            LSK_UNROLL for (int e = 0; e < elements; e++) {
                const float normalized = moments.normalized(of_x.value[e]);
                result.value[e] = (of_dy.value[e] * gain.value[e] - mean - normalized * mean_product) * moments.inverse_deviation;
            }
            if (p.add) {
                const Chunk<Element> before = load_chunk(dx, column, p.width, p.alignment);
                LSK_UNROLL for (int e = 0; e < elements; e++) result.value[e] += before.value[e];
            }
            store_chunk(dx, column, p.width, p.alignment, result);
        });
    }
    if (p.partial_gradients) sums.store(p, *reinterpret_cast<BackwardShared<Element>*>(bytes));
}

}  // namespace lsk::layer_norm
