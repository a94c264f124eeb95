// A block reduces one piece of a segment over a slab of columns. Each group of lanes takes a contiguous span of the piece's rows, and the groups are
// merged in their order, so that sums do not depend on scheduling and the first of equal maxima wins.
#pragma once
#include "device/chunk.cuh"
#include "kernels/segment_reduce/segment_reduce.h"
#include "longseqkernels/lsk.h"

namespace lsk::segment_reduce {

constexpr int threads = 256;
constexpr int rows_in_flight = 4;
constexpr int merge_columns = 32;
constexpr int merge_ways = threads / merge_columns;

enum class Kind { sum, maximum };

// A sum, or a maximum with the row it is in; row -1: of nothing.
struct State {
    float value = 0.0f;
    int64_t row = -1;

    template <Kind kind>
    LSK_DEVICE void add(float next, int64_t next_row) {
        if constexpr (kind == Kind::sum) {
            value += next;
        } else if (next_row >= 0 && (row < 0 || next > value)) {
            value = next;
            row = next_row;
        }
    }
};

template <class Element>
struct SharedMemory {
    float values[threads][Chunk<Element>::elements];
    int64_t rows[threads][Chunk<Element>::elements];
};

template <Kind kind, class Element>
LSK_DEVICE void store_result(const SegmentReduceParams& p, int64_t segment, int64_t segment_rows, int column, const State& state) {
    const int64_t at = segment * p.width + column;
    const bool divided = p.reduction == LSK_MEAN && segment_rows > 0;
    if (p.output) static_cast<Element*>(p.output)[at] = device::from_float<Element>(divided ? state.value / float(segment_rows) : state.value);
    if (kind == Kind::maximum && p.maximum_rows) p.maximum_rows[at] = state.row;
}

template <Kind kind, class Element>
__global__ __launch_bounds__(threads, 2) void reduce_kernel(const SegmentReduceParams p, int slabs) {
    LSK_SHARED(bytes);
    auto& shared = *reinterpret_cast<SharedMemory<Element>*>(bytes);
    constexpr int elements = Chunk<Element>::elements;
    const SegmentPiece piece = p.pieces[blockIdx.x / slabs];
    const int groups = threads / p.lanes, group = threadIdx.x / p.lanes, lane = int(threadIdx.x) % p.lanes;
    const int first_column = int(blockIdx.x % slabs) * p.lanes * elements, column = first_column + lane * elements;
    const int rows = int(piece.end - piece.begin), rows_per_group = (rows + groups - 1) / groups;
    const int64_t begin = piece.begin + min(group * rows_per_group, rows), end = piece.begin + min((group + 1) * rows_per_group, rows);
    State states[elements];
    const Element* input = static_cast<const Element*>(p.input) + begin * p.width;
    for (int64_t first = begin; first < end; first += rows_in_flight) {
        Chunk<Element> loaded[rows_in_flight];
        LSK_UNROLL for (int i = 0; i < rows_in_flight; i++)
            loaded[i] = load_chunk(first + i < end ? input + i * p.width : input, column, p.width, p.alignment);
        LSK_UNROLL for (int i = 0; i < rows_in_flight; i++)
            LSK_UNROLL for (int e = 0; e < elements; e++)
                if (first + i < end) states[e].template add<kind>(loaded[i].value[e], first + i);
        input += rows_in_flight * p.width;
    }
    LSK_UNROLL for (int e = 0; e < elements; e++) {
        shared.values[threadIdx.x][e] = states[e].value;
        if constexpr (kind == Kind::maximum) shared.rows[threadIdx.x][e] = states[e].row;
    }
    __syncthreads();
    for (int at = threadIdx.x; at < p.lanes * elements && first_column + at < p.width; at += threads) {
        State merged;
        for (int thread = at / elements; thread < threads; thread += p.lanes)
            merged.template add<kind>(shared.values[thread][at % elements], kind == Kind::maximum ? shared.rows[thread][at % elements] : 0);
        if (piece.partial < 0) {
            store_result<kind, Element>(p, piece.segment, piece.segment_rows, first_column + at, merged);
        } else {
            p.partials[piece.partial * p.width + first_column + at] = merged.value;
            if constexpr (kind == Kind::maximum) p.partial_rows[piece.partial * p.width + first_column + at] = merged.row;
        }
    }
}

// Merges the pieces of a segment: each of a column's threads takes a contiguous span of them.
template <Kind kind, class Element>
__global__ __launch_bounds__(threads) void merge_kernel(const SegmentReduceParams p, int slabs) {
    LSK_SHARED(bytes);
    auto& shared = *reinterpret_cast<State(*)[merge_ways][merge_columns]>(bytes);
    const SplitSegment split = p.splits[blockIdx.x / slabs];
    const int way = threadIdx.x / merge_columns, lane = threadIdx.x % merge_columns, column = int(blockIdx.x % slabs) * merge_columns + lane;
    State merged;
    const int partials = int(split.partials);
    if (column < p.width)
        for (int i = partials * way / merge_ways; i < partials * (way + 1) / merge_ways; i++) {
            const int64_t at = (split.first_partial + i) * p.width + column;
            merged.template add<kind>(p.partials[at], kind == Kind::maximum ? p.partial_rows[at] : 0);
        }
    shared[way][lane] = merged;
    __syncthreads();
    if (way > 0 || column >= p.width) return;
    for (int i = 1; i < merge_ways; i++) merged.template add<kind>(shared[i][lane].value, shared[i][lane].row);
    store_result<kind, Element>(p, split.segment, split.segment_rows, column, merged);
}

// dx = dy for a sum, dy / rows for a mean, and dy in the row of the maximum alone.
template <class Element>
__global__ __launch_bounds__(threads) void spread_kernel(const SegmentReduceParams p, int slabs) {
    constexpr int elements = Chunk<Element>::elements;
    const SegmentPiece piece = p.pieces[blockIdx.x / slabs];
    const int column = int(blockIdx.x % slabs) * p.lanes * elements + int(threadIdx.x) % p.lanes * elements;
    if (column >= p.width) return;
    Chunk<Element> gradient = load_chunk(static_cast<const Element*>(p.output_gradient) + piece.segment * p.width, column, p.width, p.alignment);
    int64_t maximum_rows[elements];
    LSK_UNROLL for (int e = 0; e < elements; e++) {
        if (p.reduction == LSK_MEAN) gradient.value[e] /= float(piece.segment_rows);
        maximum_rows[e] = p.reduction == LSK_MAX && column + e < p.width ? p.maximum_rows[piece.segment * p.width + column + e] : 0;
    }
    for (int64_t row = piece.begin + threadIdx.x / p.lanes; row < piece.end; row += threads / p.lanes) {
        Chunk<Element> share = gradient;
        LSK_UNROLL for (int e = 0; e < elements; e++)
            if (p.reduction == LSK_MAX && maximum_rows[e] != row) share.value[e] = 0.0f;
        store_chunk(static_cast<Element*>(p.input_gradient) + row * p.width, column, p.width, p.alignment, share);
    }
}

}  // namespace lsk::segment_reduce
