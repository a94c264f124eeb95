// Rows times a state S = phi2(s M), both ways in one pass over a span of rows of one head: activated keys times S, and values times S^T with the slope of
// the key's activation. S stays in shared memory as an operand, a 64 x 64 block at a time; tiles of rows arrive by cp.async; a warp owns 16 rows of a
// tile, so its results leave through shared memory without meeting other warps. What the last lines of the formulas need of a row, its self term and
// the raw key, is read again by 16-byte chunks: it has just passed through L2.
#pragma once
#include <cstddef>
#include "device/chunk.cuh"
#include "kernels/linear_attention/state_operand.cuh"

namespace lsk::linear_attention {

// One product of a block: a tile of rows, a direction, a block of the state. The depth runs fastest, so that one set of accumulators is enough.
struct Step {
    int tile;
    Direction direction;
    int key_block;
    int value_block;

    LSK_DEVICE Step(const LinearAttentionRowsParams& p, int index) {
        const LinearAttentionWidths& w = p.widths;
        const int blocks = w.key_blocks * w.value_blocks, of_tile = blocks * ((p.value_output != nullptr) + (p.key_output != nullptr));
        tile = index / of_tile;
        index %= of_tile;
        direction = p.value_output && index < blocks ? Direction::to_values : Direction::to_keys;
        index %= blocks;
        key_block = direction == Direction::to_values ? index % w.key_blocks : index / w.value_blocks;
        value_block = direction == Direction::to_values ? index / w.key_blocks : index % w.value_blocks;
    }

    LSK_DEVICE bool first_of_depth() const { return direction == Direction::to_values ? key_block == 0 : value_block == 0; }
    LSK_DEVICE bool last_of_depth(const LinearAttentionWidths& w) const {
        return direction == Direction::to_values ? key_block == w.key_blocks - 1 : value_block == w.value_blocks - 1;
    }
};

// What a block works on.
template <class Element>
struct RowsUnit {
    RowSpan span;
    int head;

    LSK_DEVICE explicit RowsUnit(const LinearAttentionRowsParams& p) {
        span = p.spans[blockIdx.x / p.widths.heads];
        head = static_cast<int>(blockIdx.x % p.widths.heads);
    }
    LSK_DEVICE int tiles() const { return static_cast<int>((span.rows + rows_of_tile - 1) / rows_of_tile); }
    LSK_DEVICE int rows(int tile) const { return static_cast<int>(min(int64_t(rows_of_tile), span.rows - int64_t(tile) * rows_of_tile)); }
    // A row of this head in a tensor of queries or keys, or of values.
    LSK_DEVICE int64_t key_row(const LinearAttentionWidths& w, int tile, int row) const {
        return ((span.first_row + int64_t(tile) * rows_of_tile + row) * w.heads + head) * w.key_width;
    }
    LSK_DEVICE int64_t value_row(const LinearAttentionWidths& w, int tile, int row) const {
        return ((span.first_row + int64_t(tile) * rows_of_tile + row) * w.heads + head) * w.value_width;
    }
};

template <class Element>
LSK_DEVICE void load_rows(const LinearAttentionRowsParams& p, const RowsUnit<Element>& unit, const Step& step, std::byte* tile, int thread) {
    const LinearAttentionWidths& w = p.widths;
    const bool keys = step.direction == Direction::to_values;
    const int width = keys ? w.key_width : w.value_width, first = (keys ? step.key_block : step.value_block) * state_block;
    const auto* tensor = static_cast<const Element*>(keys ? p.keys : p.values);
    const RowSource<Element> source{tensor + (keys ? unit.key_row(w, step.tile, 0) : unit.value_row(w, step.tile, 0)) + first, int64_t(w.heads) * width,
                                    min(state_block, width - first), keys ? p.key_alignment : p.value_alignment};
    load_tile<typename StateRowsConfig<Element>::RowTile>(tile, source, rows_of_tile, unit.rows(step.tile), thread, row_threads);
}

// phi2(s M) of one block as operands; zeros beyond the state, whatever phi2(0) is.
template <class Element, class SharedMemory>
LSK_DEVICE void load_state(const LinearAttentionRowsParams& p, const RowsUnit<Element>& unit, const Step& step, SharedMemory& shared, int thread) {
    using Config = StateRowsConfig<Element>;
    using Piece = typename Config::Operand::Piece;
    const LinearAttentionWidths& w = p.widths;
    const float* state = p.state + (int64_t(unit.span.segment) * w.heads + unit.head) * w.key_width * w.value_width;
    constexpr int rows_at_once = row_threads / state_block, in_flight = 8;
    const int column = step.value_block * state_block + thread % state_block;
    for (int first = thread / state_block; first < state_block; first += rows_at_once * in_flight) {
        float value[in_flight];
        LSK_UNROLL for (int i = 0; i < in_flight; i++) {
            const int row = step.key_block * state_block + Config::state_row(first + i * rows_at_once);
            value[i] = row < w.key_width && column < w.value_width ? state[int64_t(row) * w.value_width + column] : 0.0f;
        }
        LSK_UNROLL for (int i = 0; i < in_flight; i++) {
            const int slot = first + i * rows_at_once;
            const bool inside = step.key_block * state_block + Config::state_row(slot) < w.key_width && column < w.value_width;
            float left = inside ? activate(p.reading.activation, p.reading.scale * value[i]) : 0.0f;
            LSK_UNROLL for (int piece = 0; piece < Config::Operand::pieces; piece++) {
                const Piece stored = device::from_float<Piece>(left);
                *reinterpret_cast<Piece*>(shared.state[piece] + Config::StateTile::element_offset(slot, thread % state_block)) = stored;
                left -= device::to_float(stored);
            }
        }
    }
}

// Of the warp's rows of a tile: the products of the self term, and the gradients of its rows where the keys' gradients are asked for.
template <class Element, class SharedMemory>
LSK_DEVICE void self_terms(const LinearAttentionRowsParams& p, const RowsUnit<Element>& unit, int tile, SharedMemory& shared, int warp, int lane) {
    constexpr int elements = Chunk<Element>::elements, lanes = 32 / 4;  // four rows at once
    const LinearAttentionWidths& w = p.widths;
    const int group = lane / lanes, first_column = lane % lanes * elements;
    for (int i = group; i < rows_of_warp; i += 32 / lanes) {
        const int row = warp * rows_of_warp + i;
        const bool valid = row < unit.rows(tile);  // every lane takes part in the sums
        const int key_width = valid ? w.key_width : 0, value_width = valid && p.key_output ? w.value_width : 0;
        const int64_t key_at = unit.key_row(w, tile, row), value_at = unit.value_row(w, tile, row);
        const auto key = [&](const void* tensor, int column) { return load_chunk(static_cast<const Element*>(tensor) + key_at, column, key_width, p.key_alignment); };
        const auto value = [&](const void* tensor, int column) {
            return load_chunk(static_cast<const Element*>(tensor) + value_at, column, value_width, p.value_alignment);
        };
        float key_dot = 0.0f, value_dot = 0.0f;
        for (int column = first_column; column < key_width; column += lanes * elements) {
            const Chunk<Element> a = key(p.keys, column), b = key(p.self_keys, column);
            LSK_UNROLL for (int j = 0; j < elements; j++)
                if (column + j < key_width) key_dot += activate(p.row_activation, a.value[j]) * activate(p.row_activation, b.value[j]);
        }
        for (int column = first_column; column < value_width; column += lanes * elements) {
            const Chunk<Element> a = value(p.values, column), b = value(p.self_values, column);
            LSK_UNROLL for (int j = 0; j < elements; j++) value_dot += a.value[j] * b.value[j];
        }
        key_dot = group_sum(key_dot, lanes);
        value_dot = group_sum(value_dot, lanes);
        if (lane % lanes == 0) {
            shared.key_dots[row] = key_dot;
            shared.value_dots[row] = value_dot;
        }
        if (!valid || !p.key_output) continue;
        for (int column = first_column; column < key_width; column += lanes * elements) {
            Chunk<Element> a = key(p.keys, column), b = key(p.self_keys, column);
            LSK_UNROLL for (int j = 0; j < elements; j++)
                b.value[j] = derivative(p.row_activation, b.value[j]) * value_dot * activate(p.row_activation, a.value[j]);
            store_chunk(static_cast<Element*>(p.self_key_gradient) + key_at, column, key_width, p.key_alignment, b);
        }
        for (int column = first_column; column < value_width; column += lanes * elements) {
            Chunk<Element> gradient = value(p.values, column);
            LSK_UNROLL for (int j = 0; j < elements; j++) gradient.value[j] *= key_dot;
            store_chunk(static_cast<Element*>(p.self_value_gradient) + value_at, column, value_width, p.value_alignment, gradient);
        }
    }
    __syncwarp();
}

// The warp's finished rows, through shared memory, so that they are completed and stored by chunks.
template <class Element, class SharedMemory>
LSK_DEVICE void store_results(const LinearAttentionRowsParams& p, const RowsUnit<Element>& unit, const Step& step, SharedMemory& shared,
                              const float (&sums)[product_columns][4], int warp, int lane) {
    constexpr int elements = Chunk<Element>::elements, lanes = state_block / elements;
    const LinearAttentionWidths& w = p.widths;
    const bool to_values = step.direction == Direction::to_values;
    LSK_UNROLL for (int n = 0; n < product_columns; n++)
        LSK_UNROLL for (int half = 0; half < 2; half++) {
            float* row = shared.staged[warp * rows_of_warp + lane / 4 + half * 8];
            const int slot = n * 8 + lane % 4 * 2;
            if (to_values || sizeof(Element) == 2) {
                *reinterpret_cast<float2*>(row + slot) = make_float2(sums[n][half * 2], sums[n][half * 2 + 1]);
            } else {
                // The lower four rows of eight begin with their second number, which goes four banks further: those above them have the others.
                const int second = lane / 16;
                row[StateRowsConfig<Element>::state_row(slot + second)] = second ? sums[n][half * 2 + 1] : sums[n][half * 2];
                row[StateRowsConfig<Element>::state_row(slot + 1 - second)] = second ? sums[n][half * 2] : sums[n][half * 2 + 1];
            }
        }
    __syncwarp();
    const int column = lane % lanes * elements;
    for (int i = lane / lanes; i < rows_of_warp; i += 32 / lanes) {
        const int row = warp * rows_of_warp + i;
        if (row >= unit.rows(step.tile)) break;
        Chunk<Element> result;
        LSK_UNROLL for (int j = 0; j < elements / 4; j++) {
            const int quad = elements == 8 ? j ^ (lane >> 2 & 1) : j;  // half of the lanes begin with their second half: no bank conflicts
            const float4 staged = *reinterpret_cast<const float4*>(&shared.staged[row][column + quad * 4]);
            LSK_UNROLL for (int k = 0; k < elements / 4; k++)
                if (k == quad) {
                    result.value[k * 4] = staged.x;
                    result.value[k * 4 + 1] = staged.y;
                    result.value[k * 4 + 2] = staged.z;
                    result.value[k * 4 + 3] = staged.w;
                }
        }
        if (to_values) {
            const int first = step.value_block * state_block, width = min(state_block, w.value_width - first);
            const int64_t at = unit.value_row(w, step.tile, row) + first;
            if (p.self_keys) {
                const Chunk<Element> self = load_chunk(static_cast<const Element*>(p.self_values) + at, column, width, p.value_alignment);
                LSK_UNROLL for (int j = 0; j < elements; j++) result.value[j] += shared.key_dots[row] * self.value[j];
            }
            store_chunk(static_cast<Element*>(p.value_output) + at, column, width, p.value_alignment, result);
        } else {
            const int first = step.key_block * state_block, width = min(state_block, w.key_width - first);
            const int64_t at = unit.key_row(w, step.tile, row) + first;
            const Chunk<Element> key = load_chunk(static_cast<const Element*>(p.keys) + at, column, width, p.key_alignment);
            if (p.self_keys) {
                const Chunk<Element> self = load_chunk(static_cast<const Element*>(p.self_keys) + at, column, width, p.key_alignment);
                LSK_UNROLL for (int j = 0; j < elements; j++) result.value[j] += shared.value_dots[row] * activate(p.row_activation, self.value[j]);
            }
            LSK_UNROLL for (int j = 0; j < elements; j++) result.value[j] *= derivative(p.row_activation, key.value[j]);
            store_chunk(static_cast<Element*>(p.key_output) + at, column, width, p.key_alignment, result);
        }
    }
    __syncwarp();
}

template <class Element>
__global__ __launch_bounds__(row_threads, row_blocks) void state_rows_kernel(const LinearAttentionRowsParams p) {
    using Config = StateRowsConfig<Element>;
    LSK_SHARED(raw);
    auto& shared = *reinterpret_cast<typename Config::SharedMemory*>(raw);
    const int thread = static_cast<int>(threadIdx.x), warp = thread / 32, lane = thread % 32;
    const LinearAttentionWidths& w = p.widths;
    const RowsUnit<Element> unit(p);
    const int steps = unit.tiles() * w.key_blocks * w.value_blocks * ((p.value_output != nullptr) + (p.key_output != nullptr));
    const auto load = [&](int index) {
        if (index < steps) load_rows(p, unit, Step(p, index), shared.rows[index % Config::stages], thread);
        ptx::cp_async_commit();
    };

    LSK_UNROLL for (int stage = 0; stage < Config::stages - 1; stage++) load(stage);
    int loaded_key_block = -1, loaded_value_block = -1, finished_self_terms = -1;
    float sums[product_columns][4];
    for (int index = 0; index < steps; index++) {
        const Step step(p, index);
        ptx::cp_async_wait<Config::stages - 2>();
        __syncthreads();  // the rows are there, and everyone is done with the stage that is filled next and with the block of the state
        load(index + Config::stages - 1);
        if (step.key_block != loaded_key_block || step.value_block != loaded_value_block) {
            load_state(p, unit, step, shared, thread);
            loaded_key_block = step.key_block;
            loaded_value_block = step.value_block;
            __syncthreads();
        }
        if (warp * rows_of_warp >= unit.rows(step.tile)) continue;
        if (p.self_keys && finished_self_terms != step.tile) {
            self_terms(p, unit, step.tile, shared, warp, lane);
            finished_self_terms = step.tile;
        }
        if (step.first_of_depth()) {
            LSK_UNROLL for (int n = 0; n < product_columns; n++)
                LSK_UNROLL for (int i = 0; i < 4; i++) sums[n][i] = 0.0f;
        }
        const std::byte* rows = shared.rows[index % Config::stages];
        if (step.direction == Direction::to_values)
            multiply_block<Direction::to_values, Element>(sums, shared, rows, p.row_activation, w.value_width - step.value_block * state_block, warp, lane);
        else
            multiply_block<Direction::to_keys, Element>(sums, shared, rows, LSK_ACTIVATION_IDENTITY, w.key_width - step.key_block * state_block, warp, lane);
        if (step.last_of_depth(w)) store_results(p, unit, step, shared, sums, warp, lane);
    }
    ptx::cp_async_wait<0>();
}

}  // namespace lsk::linear_attention
