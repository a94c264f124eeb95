// M += phi1(K)^T V of one segment and head: every block sums the products of one span of rows for one 64 x 64 block of the state.
// K and V tiles arrive by cp.async, K^T is read as an A operand with a transposing ldmatrix and activated in registers. Half-width keys are taken
// as two numbers of their type, so that the activated key keeps 16 bits or more. A tile's products are added to the running sums outside of the
// tensor cores, which truncate: the error must not grow with the history. Splits are summed in their order by the last block to arrive.
#pragma once
#include "device/conversions.cuh"
#include "device/fragment.cuh"
#include "device/split_merge.cuh"
#include "kernels/linear_attention/activation.cuh"
#include "kernels/linear_attention/linear_attention.h"

namespace lsk::linear_attention {

constexpr int warps = 4;
constexpr int threads = warps * 32;
constexpr int tile_rows = linear_attention_tile_rows;
constexpr int block = linear_attention_block;  // columns of keys (rows of the state) and of values
constexpr int column_tiles = block / 8;
static_assert(warps * 16 == block, "a warp owns 16 rows of the state");

template <class Element>
struct StateSumConfig {
    using Tile = TileLayout<Element, block>;
    static constexpr int stages = sizeof(Element) == 4 ? 2 : 4;

    struct SharedMemory {
        alignas(128) std::byte keys[stages][tile_rows * Tile::row_bytes];
        alignas(128) std::byte values[stages][tile_rows * Tile::row_bytes];
    };
};

// phi1(K^T) as A operands whose sum it is: 16 columns of a key tile from `first_column`, as many of its rows from `first_row` as a product is deep.
// fp32 rows are taken in the order of load_b_by_column.
template <class Layout, class Element>
struct ActivatedKeys;

template <class Layout>
struct ActivatedKeys<Layout, float> {
    static constexpr int pieces = 1;
    Fragment<float>::A piece[pieces];

    LSK_DEVICE ActivatedKeys(uint32_t tile, int first_row, int first_column, lsk_activation activation, int lane) {
        LSK_UNROLL for (int i = 0; i < 4; i++) {
            const uint32_t at = tile + Layout::element_offset(first_row + lane % 4 * 2 + i / 2, first_column + i % 2 * 8 + lane / 4);
            const float key = activate(activation, __uint_as_float(ptx::load_shared32(at)));
            Fragment<float>::split(__float_as_uint(key), piece[0].high[i], piece[0].low[i]);
        }
    }
};

template <class Layout, class Element>
    requires(sizeof(Element) == 2)
struct ActivatedKeys<Layout, Element> {
    static constexpr int pieces = 2;
    typename Fragment<Element>::A piece[pieces];

    LSK_DEVICE ActivatedKeys(uint32_t tile, int first_row, int first_column, lsk_activation activation, int lane) {
        uint32_t r[4];
        ptx::ldmatrix_x4_trans(r, tile + Layout::offset(first_row + lane / 16 * 8 + lane % 8, first_column / Layout::chunk_elements + lane / 8 % 2));
        LSK_UNROLL for (int i = 0; i < 4; i++) {
            const float2 raw = device::unpack<Element>(r[i]);
            const float x = activate(activation, raw.x), y = activate(activation, raw.y);
            piece[0].r[i] = Fragment<Element>::pack(x, y);
            const float2 kept = device::unpack<Element>(piece[0].r[i]);
            piece[1].r[i] = Fragment<Element>::pack(x - kept.x, y - kept.y);
        }
    }
};

// This block's place: span, head, block of the state.
struct StateUnit {
    RowSpan span;
    int head, key_block, value_block;
    int index;  // of head, key block and value block together

    LSK_DEVICE explicit StateUnit(const LinearAttentionStateParams& p) {
        const LinearAttentionWidths& w = p.widths;
        const int units = w.heads * w.key_blocks * w.value_blocks;
        span = p.spans[blockIdx.x / units];
        index = static_cast<int>(blockIdx.x % units);
        head = index / (w.key_blocks * w.value_blocks);
        key_block = index / w.value_blocks % w.key_blocks;
        value_block = index % w.value_blocks;
    }
};

// Adds the block's sums to the state.
LSK_DEVICE void add_to_state(const LinearAttentionStateParams& p, const StateUnit& unit, const float (&sums)[column_tiles][4], int warp, int lane) {
    const LinearAttentionWidths& w = p.widths;
    const int64_t first = (int64_t(unit.span.segment) * w.heads + unit.head) * w.key_width * w.value_width;
    LSK_UNROLL for (int n = 0; n < column_tiles; n++)
        LSK_UNROLL for (int i = 0; i < 4; i++) {
            const int row = unit.key_block * block + warp * 16 + lane / 4 + i / 2 * 8, column = unit.value_block * block + n * 8 + lane % 4 * 2 + i % 2;
            if (row >= w.key_width || column >= w.value_width) continue;
            const int64_t at = first + int64_t(row) * w.value_width + column;
            const float slope = p.read_state ? p.reading.scale * derivative(p.reading.activation, p.reading.scale * p.read_state[at]) : 1.0f;
            p.state[at] += slope * sums[n][i];
        }
}

template <class Element>
__global__ __launch_bounds__(threads, 2) void state_sum_kernel(const LinearAttentionStateParams p) {
    using Config = StateSumConfig<Element>;
    using Tile = typename Config::Tile;
    LSK_SHARED(raw);
    auto& shared = *reinterpret_cast<typename Config::SharedMemory*>(raw);
    const int thread = static_cast<int>(threadIdx.x), warp = thread / 32, lane = thread % 32;
    const LinearAttentionWidths& w = p.widths;
    const StateUnit unit(p);
    const int key_columns = min(block, w.key_width - unit.key_block * block), value_columns = min(block, w.value_width - unit.value_block * block);
    const int64_t key_stride = int64_t(w.heads) * w.key_width, value_stride = int64_t(w.heads) * w.value_width;
    const RowSource<Element> keys{static_cast<const Element*>(p.keys) + unit.span.first_row * key_stride + unit.head * w.key_width + unit.key_block * block,
                                  key_stride, key_columns, p.key_alignment};
    const RowSource<Element> values{static_cast<const Element*>(p.values) + unit.span.first_row * value_stride + unit.head * w.value_width + unit.value_block * block,
                                    value_stride, value_columns, p.value_alignment};
    const int tiles = static_cast<int>((unit.span.rows + tile_rows - 1) / tile_rows);

    const auto load = [&](int tile) {
        if (tile < tiles) {
            const int64_t first = int64_t(tile) * tile_rows;
            const int valid = static_cast<int>(min(int64_t(tile_rows), unit.span.rows - first));
            const auto row_of = [&](int row) { return first + row; };
            load_tile<Tile>(shared.keys[tile % Config::stages], keys, tile_rows, valid, thread, threads, row_of);
            load_tile<Tile>(shared.values[tile % Config::stages], values, tile_rows, valid, thread, threads, row_of);
        }
        ptx::cp_async_commit();
    };

    float sums[column_tiles][4] = {};
    LSK_UNROLL for (int stage = 0; stage < Config::stages - 1; stage++) load(stage);
    for (int tile = 0; tile < tiles; tile++) {
        ptx::cp_async_wait<Config::stages - 2>();
        __syncthreads();  // the tile is there, and everyone is done with the stage that is filled next
        load(tile + Config::stages - 1);
        if (warp * 16 >= key_columns) continue;  // rows of the state that do not exist
        const uint32_t key_tile = ptx::shared_address(shared.keys[tile % Config::stages]), value_tile = ptx::shared_address(shared.values[tile % Config::stages]);
        float products[column_tiles][4] = {};
        LSK_UNROLL for (int step = 0; step < tile_rows / Fragment<Element>::k_elements; step++) {
            const int row = step * Fragment<Element>::k_elements;
            const ActivatedKeys<Tile, Element> a(key_tile, row, warp * 16, p.row_activation, lane);
            LSK_UNROLL for (int n = 0; n < column_tiles; n += 2) {
                if (n * 8 >= value_columns) continue;
                typename Fragment<Element>::B b[2];
                load_b_by_column<Tile, Element>(b, value_tile, row, n * 8, lane);
                LSK_UNROLL for (int piece = a.pieces - 1; piece >= 0; piece--) {
                    multiply(products[n], a.piece[piece], b[0]);
                    multiply(products[n + 1], a.piece[piece], b[1]);
                }
            }
        }
        LSK_UNROLL for (int n = 0; n < column_tiles; n++)
            LSK_UNROLL for (int i = 0; i < 4; i++) sums[n][i] += products[n][i];
    }
    ptx::cp_async_wait<0>();

    const int units = w.heads * w.key_blocks * w.value_blocks;
    constexpr int64_t slot = block * block / 4;
    const SplitMerge merge{p.partials + (int64_t(unit.span.first_partial) * units + unit.index) * slot, units * slot,
                           p.tickets + int64_t(unit.index) * p.tickets_per_unit + unit.span.first_ticket,
                           unit.span.split, unit.span.splits, unit.span.group_size};
    if (merge_splits(sums, merge)) add_to_state(p, unit, sums, warp, lane);
}

}  // namespace lsk::linear_attention
