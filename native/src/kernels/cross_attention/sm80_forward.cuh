// Cross attention forward on cp.async, ldmatrix and mma.sync. Blocks are persistent: each does the works that the plan gave it, one row tile against
// one span of tokens at a time. A block's warps are row_warps x token_groups: every group streams its own slices of the history through its own ring
// of stages, so that with one row warp (few rows: memory bound) warps meet only at the end of a work, and with many (compute bound) they share each slice.
// Shared history: one tile in shared memory is both K (ldmatrix) and V (ldmatrix.trans).
#pragma once
#include "device/last_arriver.cuh"
#include "kernels/cross_attention/attention_rows.cuh"

namespace lsk::forward {

// Who a thread is. Computed anew wherever it is asked for: it would otherwise be held in registers through every loop, and the output needs those.
// Group and block sizes are powers of two.
struct Place {
    const ForwardArrangement& arrangement;

    LSK_DEVICE int group_threads() const { return arrangement.row_warps * 32; }
    LSK_DEVICE int group_thread() const { return ptx::thread_index() & (group_threads() - 1); }
    LSK_DEVICE int row_warp() const { return group_thread() >> 5; }
    LSK_DEVICE int token_group() const { return ptx::thread_index() >> (31 - __clz(group_threads())); }

    // Meets the threads that share this ring.
    LSK_DEVICE void synchronize_group() const {
        if (group_threads() == 32)
            __syncwarp();
        else
            ptx::named_barrier_sync(1 + token_group(), group_threads());
    }
};

template <class Config>
struct Forward {
    using Element = typename Config::Element;
    using Layout = typename Config::Layout;
    using Logits = float[Config::row_tiles][Config::token_columns][4];

    const CrossAttentionParams& p;
    const ForwardArrangement& arrangement;
    const SharedMap& map;
    std::byte* const shared;
    const Place place;

    LSK_DEVICE RowAlignment alignment() const { return p.aligned_inputs ? RowAlignment::chunks : RowAlignment::elements; }

    LSK_DEVICE void load_queries(const AttentionWork& work) const {
        const RowSource<Element> source{static_cast<const Element*>(p.queries), p.width, p.width, alignment()};
        const RowMap row_of(p);
        load_tile<Layout>(shared + map.queries, source, arrangement.row_warps * Config::rows, work.rows, ptx::thread_index(), ptx::thread_count(),
                          [&](int row) { return row_of(work.query_row, work.first_row + row); });
    }

    // Starts the copies of a slice of tokens from `token` into a stage.
    LSK_DEVICE void load_slice(const AttentionWork& work, std::byte* stage, int token) const {
        const int valid = work.token_end - token;
        const int64_t stride = int64_t(p.key_value_heads) * p.width;
        const int64_t first = (work.history_row + token) * stride + int64_t(work.key_value_head) * p.width;
        const RowSource<Element> keys{static_cast<const Element*>(p.keys) + first, stride, p.width, alignment()};
        const int thread = place.group_thread();
        load_tile<Layout>(stage, keys, Config::slice, valid, thread, place.group_threads());
        if (!p.shared_history) {
            const RowSource<Element> values{static_cast<const Element*>(p.values) + first, stride, p.width, alignment()};
            load_tile<Layout>(stage + map.value_offset, values, Config::slice, valid, thread, place.group_threads());
        }
        if (p.key_bias) load_bias(p, work, stage + map.bias_offset, Config::slice, token, thread, place.group_threads());
    }

    // S = Q K^T of the warp's rows and a slice.
    LSK_DEVICE void multiply_keys(Logits& s, uint32_t keys, int lane) const {
        const uint32_t queries = ptx::shared_address(shared + map.queries) + static_cast<uint32_t>(place.row_warp() * Config::rows * Layout::row_bytes);
        LSK_UNROLL for (int r = 0; r < Config::row_tiles; r++)
            LSK_UNROLL for (int c = 0; c < Config::token_columns; c++) LSK_UNROLL for (int e = 0; e < 4; e++) s[r][c][e] = 0.0f;
        LSK_UNROLL for (int step = 0; step < Config::depth; step++) {
            typename Fragment<Element>::A a[Config::row_tiles];
            LSK_UNROLL for (int r = 0; r < Config::row_tiles; r++)
                a[r] = load_a<Layout, Element>(queries, r * 16, step, lane);
            LSK_UNROLL for (int c = 0; c < Config::token_columns; c += 2) {
                typename Fragment<Element>::B b[2];
                load_b_by_row<Layout, Element>(b, keys, c * 8, step, lane);
                LSK_UNROLL for (int r = 0; r < Config::row_tiles; r++) {
                    multiply(s[r][c], a[r], b[0]);
                    multiply(s[r][c + 1], a[r], b[1]);
                }
            }
        }
    }

    // O += P V. Tensor cores truncate when they add to an accumulator; over a million tokens that is a bias fp32 cannot afford, so that fp32 adds each
    // slice's products to the output with ordinary additions.
    LSK_DEVICE void multiply_values(RowState<Config>& state, const Logits& s, uint32_t values, int lane) const {
        constexpr int step_columns = Fragment<Element>::k_columns;
        if constexpr (sizeof(Element) == 4) {
            LSK_UNROLL for (int c = 0; c < Config::columns; c += 2) {
                float fresh[Config::row_tiles][2][4] = {};
                LSK_UNROLL for (int t = 0; t < Config::token_columns; t += step_columns) {
                    typename Fragment<Element>::B b[2];
                    load_b_by_column<Layout, Element>(b, values, t * 8, c * 8, lane);
                    LSK_UNROLL for (int r = 0; r < Config::row_tiles; r++) {
                        const auto a = as_a<Element>(s[r], t);
                        multiply(fresh[r][0], a, b[0]);
                        multiply(fresh[r][1], a, b[1]);
                    }
                }
                LSK_UNROLL for (int r = 0; r < Config::row_tiles; r++)
                    LSK_UNROLL for (int i = 0; i < 2; i++) LSK_UNROLL for (int e = 0; e < 4; e++) state.output[r][c + i][e] += fresh[r][i][e];
            }
        } else {
            LSK_UNROLL for (int t = 0; t < Config::token_columns; t += step_columns) {
                typename Fragment<Element>::A a[Config::row_tiles];
                LSK_UNROLL for (int r = 0; r < Config::row_tiles; r++) a[r] = as_a<Element>(s[r], t);
                LSK_UNROLL for (int c = 0; c < Config::columns; c += 2) {
                    typename Fragment<Element>::B b[2];
                    load_b_by_column<Layout, Element>(b, values, t * 8, c * 8, lane);
                    LSK_UNROLL for (int r = 0; r < Config::row_tiles; r++) {
                        multiply(state.output[r][c], a[r], b[0]);
                        multiply(state.output[r][c + 1], a[r], b[1]);
                    }
                }
            }
        }
    }

    // Takes in a slice whose tile, or tiles, begin at `keys`.
    LSK_DEVICE void attend_to(RowState<Config>& state, uint32_t keys, const std::byte* bias, int token, const RowBounds<Config>& bounds) const {
        int relative[Config::row_tiles][2];
        LSK_UNROLL for (int r = 0; r < Config::row_tiles; r++) LSK_UNROLL for (int h = 0; h < 2; h++) relative[r][h] = bounds.of[r][h] - token;
        ScoreRule rule(p);
        if (p.key_bias) rule.bias = reinterpret_cast<const float*>(bias);
        Logits s;
        const int lane = lane_index();
        multiply_keys(s, keys, lane);
        weigh(state, s, rule, token + Config::slice > bounds.least, relative, lane);
        multiply_values(state, s, keys + static_cast<uint32_t>(map.value_offset), lane);
    }

    // Streams the work's tokens past its rows: the groups take the slices in turns.
    LSK_DEVICE void attend(const AttentionWork& work, RowState<Config>& state) const {
        state.clear();
        const int stages = arrangement.stages, stride = arrangement.token_groups * Config::slice, end = work.token_end;
        const auto stage_at = [&](int stage) { return shared + (map.ring + place.token_group() * map.group_bytes + stage * map.stage_bytes); };
        int token = work.token_begin + place.token_group() * Config::slice;

        load_queries(work);
        ptx::cp_async_commit();
        for (int i = 0; i < stages - 1; i++) {
            if (token + i * stride < end) load_slice(work, stage_at(i), token + i * stride);
            ptx::cp_async_commit();
        }
        const RowBounds<Config> bounds(p, work, place.row_warp() * Config::rows);
        wait_for_copies(stages - 1);
        __syncthreads();  // the queries are there for every group

        for (int stage = 0; token < end; token += stride) {
            wait_for_copies(stages - 2);
            place.synchronize_group();  // this slice is there, and nobody reads the one before any more
            if (token + (stages - 1) * stride < end) load_slice(work, stage_at(stage == 0 ? stages - 1 : stage - 1), token + (stages - 1) * stride);
            ptx::cp_async_commit();

            const std::byte* const slice = stage_at(stage);
            attend_to(state, ptx::shared_address(slice), slice + map.bias_offset, token, bounds);
            stage = stage + 1 == stages ? 0 : stage + 1;
        }
        wait_for_copies(0);
        __syncthreads();  // the ring becomes the place of exchange
    }

    // Leaves the sum of all groups' states in group 0, in a fixed order.
    LSK_DEVICE void merge_groups(RowState<Config>& state) const {
        constexpr int vectors = Config::vectors;
        float4* const exchange = reinterpret_cast<float4*>(shared + map.exchange);
        for (int half = arrangement.token_groups / 2; half > 0; half /= 2) {
            if (place.token_group() >= half && place.token_group() < 2 * half)
                state.put(exchange + ((place.token_group() - half) * arrangement.row_warps + place.row_warp()) * vectors, lane_index());
            __syncthreads();
            if (place.token_group() < half) state.merge(exchange + (place.token_group() * arrangement.row_warps + place.row_warp()) * vectors, lane_index());
            __syncthreads();
        }
    }

    LSK_DEVICE float4* partial(const AttentionWork& work, int split) const {
        return p.partials + ((int64_t(work.first_partial) + split) * arrangement.row_warps + place.row_warp()) * Config::vectors;
    }

    // Leaves this split's state in the workspace. Of the blocks that share a row tile the last to arrive merges all their states, in the order of splits:
    // true there, with the result in group 0.
    LSK_DEVICE bool merge_splits(const AttentionWork& work, RowState<Config>& state) const {
        if (place.token_group() == 0) state.put(partial(work, work.split), lane_index());
        if (!arrives_last(p.tickets + work.ticket, static_cast<unsigned>(work.splits))) return false;
        state.clear();
        for (int split = place.token_group(); split < work.splits; split += arrangement.token_groups) state.merge(partial(work, split), lane_index());
        merge_groups(state);
        return true;
    }
};

// Does the block's works.
template <class Config, template <class> class Kernel>
LSK_DEVICE void run_works(const CrossAttentionParams& p, const Kernel<Config>& forward) {
    for (const AttentionWork* next = p.works + p.block_works[blockIdx.x]; next != p.works + p.block_works[blockIdx.x + 1]; next++) {
        const AttentionWork& work = *next;
        RowState<Config> state;
        forward.attend(work, state);
        forward.merge_groups(state);
        const bool complete = work.splits == 1 || forward.merge_splits(work, state);
        if (complete && forward.place.token_group() == 0)
            finish_rows(p, work, state, forward.shared + forward.map.staging + forward.place.row_warp() * 16 * Config::template pitch<float>, forward.place.row_warp() * Config::rows, 0);
        __syncthreads();  // shared memory is the next work's
    }
}

template <class Config>
__global__ __launch_bounds__(max_threads, 1) void forward_kernel(const CrossAttentionParams p, const ForwardArrangement arrangement, const SharedMap map) {
#if LSK_HAS_SM80
    LSK_SHARED(raw);
    run_works(p, Forward<Config>{p, arrangement, map, reinterpret_cast<std::byte*>(raw), Place{arrangement}});
#endif
}

// Calls `launch_width` for the width that a kernel of projected history is compiled for.
template <class LaunchWidth>
cudaError_t for_width(int width, const LaunchWidth& launch_width) {
    switch (padded_width(width)) {
        case 32: return launch_width.template operator()<32>();
        case 64: return launch_width.template operator()<64>();
        case 128: return launch_width.template operator()<128>();
        default: return launch_width.template operator()<256>();
    }
}

// What a variant needs of the host, one instantiation a width.
template <class Element, ForwardVariant Variant>
cudaError_t launch_variant(const ForwardArrangement& arrangement, const CrossAttentionParams& p, cudaStream_t stream) {
    return for_width(p.width, [&]<int Width>() {
        if constexpr (has_variant(Variant, int(sizeof(Element)), Width)) {
            using Chosen = Config<Element, Width, row_tiles(Variant), slice_tokens(Variant, Width * int(sizeof(Element)))>;
            const SharedMap map = shared_map(Variant, arrangement, Width, int(sizeof(Element)), p.shared_history);
            const unsigned threads = static_cast<unsigned>(arrangement.row_warps * arrangement.token_groups * 32);
            return launch("cross_attention_forward", forward_kernel<Chosen>, dim3(static_cast<unsigned>(p.blocks)), dim3(threads), static_cast<size_t>(map.bytes), stream, p,
                          arrangement, map);
        } else {
            return cudaErrorInvalidValue;  // plans do not choose it
        }
    });
}

}  // namespace lsk::forward
