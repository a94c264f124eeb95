// A group of lanes normalises one row: y = (x - mean) / sqrt(variance + epsilon) * gain + bias. The group has a 16-byte chunk per lane where the row
// is narrow, so that a warp takes several rows. Two chunks per lane stay in registers; wider rows are read again by every pass, out of L1 or L2.
#pragma once
#include "device/chunk.cuh"
#include "kernels/layer_norm/layer_norm.h"

namespace lsk::layer_norm {

constexpr int threads = 128;
constexpr int kept_chunks = 2;

template <class Element>
struct SpreadRow {
    static constexpr int chunk_elements = Chunk<Element>::elements;
    const Element* row;
    int width, lane, lanes;
    RowAlignment alignment;
    Chunk<Element> kept[kept_chunks];

    LSK_DEVICE SpreadRow(const void* tensor, int64_t index, const LayerNormParams& p)
        : row(static_cast<const Element*>(tensor) + index * p.width), width(p.width), lane(int(threadIdx.x) % p.lanes), lanes(p.lanes), alignment(p.alignment) {
        LSK_UNROLL for (int i = 0; i < kept_chunks; i++) kept[i] = load_chunk(row, (i * lanes + lane) * chunk_elements, width, alignment);
    }

    // This lane's chunk number i.
    LSK_DEVICE int column(int i) const { return (i * lanes + lane) * chunk_elements; }

    // visit(column, chunk) for every chunk of this lane; what a chunk has past the width is 0.
    template <class Visit>
    LSK_DEVICE void for_each(Visit visit) const {
        LSK_UNROLL for (int i = 0; i < kept_chunks; i++)
            if (column(i) < width) visit(column(i), kept[i]);
        for (int i = kept_chunks; column(i) < width; i++) visit(column(i), load_chunk(row, column(i), width, alignment));
    }

    // The same over two rows: visit(column, chunk, other's chunk).
    template <class Visit>
    LSK_DEVICE void for_each_with(const SpreadRow& other, Visit visit) const {
        LSK_UNROLL for (int i = 0; i < kept_chunks; i++)
            if (column(i) < width) visit(column(i), kept[i], other.kept[i]);
        for (int i = kept_chunks; column(i) < width; i++)
            visit(column(i), load_chunk(row, column(i), width, alignment), load_chunk(other.row, column(i), width, alignment));
    }
};

// Deviations are taken from a first mean, and what that mean was off by is taken out of them: rows far from 0 lose nothing.
struct Moments {
    float mean, off, inverse_deviation;

    LSK_DEVICE float normalized(float x) const { return (x - mean - off) * inverse_deviation; }
};

template <class Element>
LSK_DEVICE Moments moments_of(const SpreadRow<Element>& x, float epsilon) {
    constexpr int elements = Chunk<Element>::elements;
    float sum = 0.0f;
    x.for_each([&](int, const Chunk<Element>& chunk) {
        LSK_UNROLL for (int e = 0; e < elements; e++) sum += chunk.value[e];
    });
    const float first_mean = group_sum(sum, x.lanes) / float(x.width);
    float deviations = 0.0f, squares = 0.0f;
    x.for_each([&](int column, const Chunk<Element>& chunk) {
        LSK_UNROLL for (int e = 0; e < elements; e++) {
            const float deviation = column + e < x.width ? chunk.value[e] - first_mean : 0.0f;
            deviations += deviation;
            squares += deviation * deviation;
        }
    });
    const float off = group_sum(deviations, x.lanes) / float(x.width);
    const float variance = fmaxf(group_sum(squares, x.lanes) / float(x.width) - off * off, 0.0f);
    return {first_mean, off, 1.0f / sqrtf(variance + epsilon)};
}

template <class Element>
LSK_DEVICE Chunk<Element> load_parameter(const void* parameter, int column, const LayerNormParams& p, float otherwise) {
    if (parameter) return load_chunk(static_cast<const Element*>(parameter), column, p.width, p.alignment);
    Chunk<Element> chunk;
    LSK_UNROLL for (int e = 0; e < Chunk<Element>::elements; e++) chunk.value[e] = otherwise;
    return chunk;
}

template <class Element>
__global__ __launch_bounds__(threads) void forward_kernel(const LayerNormParams p) {
    const int64_t row = int64_t(blockIdx.x) * (threads / p.lanes) + threadIdx.x / p.lanes;
    const bool inside = row < p.rows;  // every lane takes part in the sums
    const SpreadRow<Element> x(p.input, inside ? row : 0, p);
    const Moments moments = moments_of(x, p.epsilon);
    if (!inside) return;
    Element* output = static_cast<Element*>(p.output) + row * p.width;
    x.for_each([&](int column, const Chunk<Element>& chunk) {
        const Chunk<Element> gain = load_parameter<Element>(p.gain, column, p, 1.0f), bias = load_parameter<Element>(p.bias, column, p, 0.0f);
        Chunk<Element> y;
        LSK_UNROLL for (int e = 0; e < Chunk<Element>::elements; e++)
            y.value[e] = moments.normalized(chunk.value[e]) * gain.value[e] + bias.value[e];
        store_chunk(output, column, p.width, p.alignment, y);
    });
}

}  // namespace lsk::layer_norm
