// One matrix product of a linear layer. A block computes a tile of the output over one split of the depth: a pipeline of cp.async stages, eight warps in
// two rows of four, and an epilogue through shared memory, so that rows are written 16 bytes at a time. The tensor core truncates what it accumulates:
// for fp32 it multiplies one step at a time, and the steps are added up by ordinary additions.
#pragma once
#include "device/chunk.cuh"
#include "kernels/linear/linear.h"
#include "kernels/linear/sm80_operands.cuh"

namespace lsk::linear {

constexpr int threads = 256;
constexpr int warp_rows = 2;     // of warps
constexpr int warp_columns = 4;
constexpr int stages = 3;
constexpr int stage_row_bytes = 128;  // of an operand whose depth runs along its rows

template <class Element, Product product>
struct Config {
    static constexpr int rows_per_warp = sizeof(Element) == 4 ? 32 : 64;  // fp32 needs the registers for its second accumulators
    static constexpr int columns_per_warp = 32;
    static constexpr int blocks = sizeof(Element) == 2 ? 2 : 1;  // a multiprocessor, at least: where registers allow it without spills
    static constexpr int rows = warp_rows * rows_per_warp;
    static constexpr int columns = warp_columns * columns_per_warp;
    static constexpr int depth = stage_row_bytes / int(sizeof(Element));
    static constexpr int steps = depth / Fragment<Element>::k_elements;
    static constexpr Depth left_depth = product == Product::weight_gradient ? Depth::over_rows : Depth::along_rows;
    static constexpr Depth right_depth = product == Product::input_gradient ? Depth::along_rows : Depth::over_rows;
    static constexpr int left_tile_rows = left_depth == Depth::along_rows ? rows : depth;
    static constexpr int right_tile_rows = right_depth == Depth::along_rows ? columns : depth;
    using Left = OperandLayout<Element, left_depth == Depth::along_rows ? depth : rows>;
    using Right = OperandLayout<Element, right_depth == Depth::along_rows ? depth : columns>;
};

template <class Config>
struct SharedMemory {
    struct Stage {
        std::byte left[Config::left_tile_rows * Config::Left::row_bytes];
        std::byte right[Config::right_tile_rows * Config::Right::row_bytes];
    };
    static constexpr int output_stride = Config::columns + 8;  // floats: eight rows of an accumulator in different banks
    union {
        Stage stage[stages];
        float output[Config::rows][output_stride];
    };
};

// Where the block stands in the product.
struct Block {
    int row, column;            // first of the output
    int depth_begin, depth_end;
};

template <Depth depth, class Layout, class Element>
LSK_DEVICE void load_operand(std::byte* tile, const void* tensor, int stride, RowAlignment alignment, int first, int extent, int tile_extent, int depth_first,
                             int depth_last) {
    const Element* values = static_cast<const Element*>(tensor);
    if constexpr (depth == Depth::along_rows) {
        const RowSource<Element> source{values + int64_t(first) * stride + depth_first, stride, min(Layout::width, depth_last - depth_first), alignment};
        load_tile<Layout>(tile, source, tile_extent, extent - first, threadIdx.x, threads);
    } else {
        const RowSource<Element> source{values + int64_t(depth_first) * stride + first, stride, min(Layout::width, extent - first), alignment};
        load_tile<Layout>(tile, source, tile_extent, depth_last - depth_first, threadIdx.x, threads);
    }
}

template <class Element, Product product>
LSK_DEVICE void load_stage(typename SharedMemory<Config<Element, product>>::Stage& stage, const ProductParams& p, const Block& block, int index) {
    using C = Config<Element, product>;
    const int first = block.depth_begin + index * C::depth;
    if (first < block.depth_end) {
        const int left_stride = C::left_depth == Depth::along_rows ? p.depth : p.rows, right_stride = C::right_depth == Depth::along_rows ? p.depth : p.columns;
        load_operand<C::left_depth, typename C::Left, Element>(stage.left, p.left, left_stride, p.left_alignment, block.row, p.rows, C::left_tile_rows, first,
                                                               block.depth_end);
        load_operand<C::right_depth, typename C::Right, Element>(stage.right, p.right, right_stride, p.right_alignment, block.column, p.columns,
                                                                 C::right_tile_rows, first, block.depth_end);
    }
    ptx::cp_async_commit();  // an empty group at the end keeps the count of groups in flight
}

template <class C>
struct WarpTile {
    static constexpr int row_fragments = C::rows_per_warp / 16;
    static constexpr int column_fragments = C::columns_per_warp / 8;
    Accumulator value[row_fragments][column_fragments];

    LSK_DEVICE WarpTile() {
        LSK_UNROLL for (int i = 0; i < row_fragments; i++)
            LSK_UNROLL for (int j = 0; j < column_fragments; j++)
                LSK_UNROLL for (int k = 0; k < 4; k++) value[i][j][k] = 0.0f;
    }

    template <class Element>
    LSK_DEVICE void multiply_stage(uint32_t left, uint32_t right, int first_row, int first_column, int lane) {
        LSK_UNROLL for (int step = 0; step < C::steps; step++) {
            typename Fragment<Element>::B b[column_fragments];
            LSK_UNROLL for (int j = 0; j < column_fragments; j += 2) {
                typename Fragment<Element>::B pair[2];
                load_right<C::right_depth, typename C::Right, Element>(pair, right, first_column + j * 8, step, lane);
                b[j] = pair[0];
                b[j + 1] = pair[1];
            }
            LSK_UNROLL for (int i = 0; i < row_fragments; i++) {
                const auto a = load_left<C::left_depth, typename C::Left, Element>(left, first_row + i * 16, step, lane);
                LSK_UNROLL for (int j = 0; j < column_fragments; j++) multiply_step(value[i][j], a, b[j]);
            }
        }
    }
};

// From shared memory to the output, or to the partials of the block's split.
template <class C, class Element, class Output>
LSK_DEVICE void store_tile(const SharedMemory<C>& shared, const ProductParams& p, const Block& block, Output* output) {
    constexpr int elements = Chunk<Output>::elements, chunks = C::columns / elements;
    for (int i = threadIdx.x; i < C::rows * chunks; i += threads) {
        const int row = i / chunks, column = i % chunks * elements;
        if (block.row + row >= p.rows || block.column + column >= p.columns) continue;
        Chunk<Output> chunk;
        LSK_UNROLL for (int e = 0; e < elements; e++) chunk.value[e] = shared.output[row][column + e];
        const auto accumulate = [&](const Chunk<Output>& other) {
            LSK_UNROLL for (int e = 0; e < elements; e++) chunk.value[e] += other.value[e];
        };
        Output* to = output + int64_t(block.row + row) * p.columns;
        if (p.bias) accumulate(load_chunk(static_cast<const Output*>(p.bias), block.column + column, p.columns, p.output_alignment));
        if (p.add) accumulate(load_chunk(to, block.column + column, p.columns, p.output_alignment));
        store_chunk(to, block.column + column, p.columns, p.output_alignment, chunk);
    }
}

template <class Element, Product product>
__global__ __launch_bounds__(threads, (Config<Element, product>::blocks)) void product_kernel(const ProductParams p, int column_tiles) {
    LSK_SHARED(bytes);
    using C = Config<Element, product>;
    auto& shared = *reinterpret_cast<SharedMemory<C>*>(bytes);
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int first_row = warp / warp_columns * C::rows_per_warp, first_column = warp % warp_columns * C::columns_per_warp;
    Block block;
    block.row = int(blockIdx.x) / column_tiles * C::rows;
    block.column = int(blockIdx.x) % column_tiles * C::columns;
    block.depth_begin = int(blockIdx.y) * p.depth_per_split;
    block.depth_end = min(block.depth_begin + p.depth_per_split, p.depth);
    const bool inside = block.row + first_row < p.rows && block.column + first_column < p.columns;  // of the warp's part of the tile: something
    const int count = (block.depth_end - block.depth_begin + C::depth - 1) / C::depth;

    LSK_UNROLL for (int i = 0; i < stages - 1; i++) load_stage<Element, product>(shared.stage[i], p, block, i);
    WarpTile<C> sum;
    for (int i = 0; i < count; i++) {
        ptx::cp_async_wait<stages - 2>();
        __syncthreads();  // stage i has landed for all, and the one before it is free
        load_stage<Element, product>(shared.stage[(i + stages - 1) % stages], p, block, i + stages - 1);
        const uint32_t left = ptx::shared_address(shared.stage[i % stages].left), right = ptx::shared_address(shared.stage[i % stages].right);
        if (inside) sum.template multiply_stage<Element>(left, right, first_row, first_column, lane);
    }
    ptx::cp_async_wait<0>();
    __syncthreads();  // the output takes the place of the stages
    LSK_UNROLL for (int i = 0; i < WarpTile<C>::row_fragments; i++)
        LSK_UNROLL for (int j = 0; j < WarpTile<C>::column_fragments; j++)
            LSK_UNROLL for (int half = 0; half < 2; half++) {
                float* to = &shared.output[first_row + i * 16 + half * 8 + lane / 4][first_column + j * 8 + lane % 4 * 2];
                *reinterpret_cast<float2*>(to) = make_float2(sum.value[i][j][2 * half], sum.value[i][j][2 * half + 1]);
            }
    __syncthreads();
    if (p.partials)
        store_tile<C, Element>(shared, p, block, p.partials + int64_t(blockIdx.y) * p.rows * p.columns);
    else
        store_tile<C, Element>(shared, p, block, static_cast<Element*>(p.output));
}

}  // namespace lsk::linear
