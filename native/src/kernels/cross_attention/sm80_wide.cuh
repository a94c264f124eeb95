// Cross attention forward over a shared history of up to 1024 columns, whose output does not fit the registers of a warp. All warps of a block take the
// same 16 rows, and each its own columns: of the products q . k a part of the depth, of the output its columns. The parts of the logits meet in shared
// memory, once a slice of 16 tokens; every warp then has the same logits, hence the same weights, which it multiplies with its columns of X.
#pragma once
#include "device/last_arriver.cuh"
#include "kernels/cross_attention/attention_rows.cuh"

namespace lsk::forward {

// What one warp has of a tile of Width columns.
template <class ElementType, int Width>
struct WideConfig : Config<ElementType, Width / wide_warps, 1, wide_slice> {
    using Tile = TileLayout<ElementType, Width>;
    static constexpr int first_step_bytes = Width / wide_warps * int(sizeof(ElementType));  // of the warp's columns in a tile's first row
    static_assert(first_step_bytes % 128 == 0, "the exchange of chunks stays within 128 bytes");
};

template <class Config>
struct Wide {
    using Element = typename Config::Element;
    using Tile = typename Config::Tile;
    using Logits = float[1][Config::token_columns][4];

    const CrossAttentionParams& p;
    const WideMap& map;
    const int stages;
    std::byte* const shared;
    const int warp;

    LSK_DEVICE RowAlignment alignment() const { return p.aligned_inputs ? RowAlignment::chunks : RowAlignment::elements; }

    LSK_DEVICE void load_slice(const AttentionWork& work, std::byte* stage, int token) const {
        const RowSource<Element> source{static_cast<const Element*>(p.keys) + (work.history_row + token) * p.width, p.width, p.width, alignment()};
        load_tile<Tile>(stage, source, wide_slice, work.token_end - token, ptx::thread_index(), wide_warps * 32);
        if (p.key_bias) load_bias(p, work, stage + map.bias_offset, wide_slice, token, ptx::thread_index(), wide_warps * 32);
    }

    // The warp's part of the queries' depth, in registers for the whole work.
    struct Queries {
        uint32_t r[Config::depth][4];
    };

    LSK_DEVICE void load_queries(const AttentionWork& work, Queries& queries) const {
        const RowSource<Element> source{static_cast<const Element*>(p.queries), p.width, p.width, alignment()};
        const RowMap row_of(p);
        load_tile<Tile>(shared, source, 16, work.rows, ptx::thread_index(), wide_warps * 32, [&](int row) { return row_of(work.query_row, work.first_row + row); });
        ptx::cp_async_commit();
        wait_for_copies(0);
        __syncthreads();
        const uint32_t tile = ptx::shared_address(shared) + static_cast<uint32_t>(warp * Config::first_step_bytes);
        const int lane = lane_index();
        LSK_UNROLL for (int step = 0; step < Config::depth; step++) ptx::ldmatrix_x4(queries.r[step], tile + block_offset<Tile>(lane % 16, lane / 16, 0, step * 2));
        __syncthreads();  // the place is a stage's
    }

    LSK_DEVICE void multiply_keys(Logits& s, const Queries& queries, uint32_t tile, int lane) const {
        LSK_UNROLL for (int c = 0; c < Config::token_columns; c++) LSK_UNROLL for (int e = 0; e < 4; e++) s[0][c][e] = 0.0f;
        LSK_UNROLL for (int step = 0; step < Config::depth; step++) {
            const auto a = as_operand<Element>(queries.r[step]);
            typename Fragment<Element>::B b[2];
            load_b_by_row<Tile, Element>(b, tile, 0, step, lane);
            multiply(s[0][0], a, b[0]);
            multiply(s[0][1], a, b[1]);
        }
    }

    // Sums the warps' parts of the logits, in the order of warps.
    LSK_DEVICE void exchange(Logits& s, int lane) const {
        static_assert(Config::token_columns == 2);
        float4* const parts = reinterpret_cast<float4*>(shared + map.exchange);
        LSK_UNROLL for (int c = 0; c < 2; c++) parts[(warp * 2 + c) * 32 + lane] = make_float4(s[0][c][0], s[0][c][1], s[0][c][2], s[0][c][3]);
        __syncthreads();
        LSK_UNROLL for (int c = 0; c < 2; c++) {
            LSK_UNROLL for (int e = 0; e < 4; e++) s[0][c][e] = 0.0f;
            LSK_UNROLL for (int w = 0; w < wide_warps; w++) {
                const float4 part = parts[(w * 2 + c) * 32 + lane];
                s[0][c][0] += part.x;
                s[0][c][1] += part.y;
                s[0][c][2] += part.z;
                s[0][c][3] += part.w;
            }
        }
    }

    // O += P X, as sm80_forward.cuh does.
    LSK_DEVICE void multiply_values(RowState<Config>& state, const Logits& s, uint32_t tile, int lane) const {
        constexpr int step_columns = Fragment<Element>::k_columns;
        LSK_UNROLL for (int c = 0; c < Config::columns; c += 2) {
            float fresh[2][4] = {};
            LSK_UNROLL for (int t = 0; t < Config::token_columns; t += step_columns) {
                typename Fragment<Element>::B b[2];
                load_b_by_column<Tile, Element>(b, tile, t * 8, c * 8, lane);
                const auto a = as_a<Element>(s[0], t);
                LSK_UNROLL for (int i = 0; i < 2; i++) {
                    if constexpr (sizeof(Element) == 4)
                        multiply(fresh[i], a, b[i]);
                    else
                        multiply(state.output[0][c + i], a, b[i]);
                }
            }
            if constexpr (sizeof(Element) == 4)
                LSK_UNROLL for (int i = 0; i < 2; i++) LSK_UNROLL for (int e = 0; e < 4; e++) state.output[0][c + i][e] += fresh[i][e];
        }
    }

    // Takes in a slice whose tile begins at `columns`.
    LSK_DEVICE void attend_to(RowState<Config>& state, const Queries& queries, const std::byte* columns, const std::byte* bias, int token, const RowBounds<Config>& bounds) const {
        const uint32_t tile = ptx::shared_address(columns) + static_cast<uint32_t>(warp * Config::first_step_bytes);
        const int relative[1][2] = {{bounds.of[0][0] - token, bounds.of[0][1] - token}};
        ScoreRule rule(p);
        if (p.key_bias) rule.bias = reinterpret_cast<const float*>(bias);
        Logits s;
        const int lane = lane_index();
        multiply_keys(s, queries, tile, lane);
        exchange(s, lane);
        weigh(state, s, rule, token + wide_slice > bounds.least, relative, lane);
        multiply_values(state, s, tile, lane);
    }

    LSK_DEVICE void attend(const AttentionWork& work, RowState<Config>& state) const {
        state.clear();
        Queries queries;
        load_queries(work, queries);
        int token = work.token_begin;
        for (int i = 0; i < stages - 1; i++) {
            if (token + i * wide_slice < work.token_end) load_slice(work, shared + i * map.stage_bytes, token + i * wide_slice);
            ptx::cp_async_commit();
        }
        const RowBounds<Config> bounds(p, work, 0);
        for (int stage = 0; token < work.token_end; token += wide_slice) {
            wait_for_copies(stages - 2);
            __syncthreads();  // the slice is there, and nobody reads the one before, or its logits, any more
            const int ahead = token + (stages - 1) * wide_slice;
            if (ahead < work.token_end) load_slice(work, shared + (stage == 0 ? stages - 1 : stage - 1) * map.stage_bytes, ahead);
            ptx::cp_async_commit();

            const std::byte* const slice = shared + stage * map.stage_bytes;
            attend_to(state, queries, slice, slice + map.bias_offset, token, bounds);
            stage = stage + 1 == stages ? 0 : stage + 1;
        }
        wait_for_copies(0);
        __syncthreads();  // the first stage becomes the place of outgoing rows
    }

    LSK_DEVICE float4* partial(const AttentionWork& work, int split) const { return p.partials + ((int64_t(work.first_partial) + split) * wide_warps + warp) * Config::vectors; }

    // As in sm80_forward.cuh, each warp for its own columns.
    LSK_DEVICE bool merge_splits(const AttentionWork& work, RowState<Config>& state) const {
        state.put(partial(work, work.split), lane_index());
        if (!arrives_last(p.tickets + work.ticket, static_cast<unsigned>(work.splits))) return false;
        state.clear();
        for (int split = 0; split < work.splits; split++) state.merge(partial(work, split), lane_index());
        return true;
    }
};

// Does the block's works.
template <class Config, template <class> class Kernel>
LSK_DEVICE void run_wide_works(const CrossAttentionParams& p, const Kernel<Config>& wide) {
    for (const AttentionWork* next = p.works + p.block_works[blockIdx.x]; next != p.works + p.block_works[blockIdx.x + 1]; next++) {
        const AttentionWork& work = *next;
        RowState<Config> state;
        wide.attend(work, state);
        if (work.splits == 1 || wide.merge_splits(work, state))
            finish_rows(p, work, state, wide.shared + wide.warp * 16 * Config::template pitch<float>, 0, wide.warp * Config::width);
        __syncthreads();  // shared memory is the next work's
    }
}

template <class Config>
__global__ __launch_bounds__(wide_warps * 32, 1) void wide_kernel(const CrossAttentionParams p, const int stages, const WideMap map) {
#if LSK_HAS_SM80
    LSK_SHARED(raw);
    run_wide_works(p, Wide<Config>{p, map, stages, reinterpret_cast<std::byte*>(raw), ptx::thread_index() / 32});
#endif
}

// Calls `launch_width` for the width that a wide kernel is compiled for.
template <class LaunchWidth>
cudaError_t for_wide_width(int width, const LaunchWidth& launch_width) {
    return padded_width(width) == 512 ? launch_width.template operator()<512>() : launch_width.template operator()<1024>();
}

template <class Element>
cudaError_t launch_wide(const ForwardArrangement& arrangement, const CrossAttentionParams& p, cudaStream_t stream) {
    return for_wide_width(p.width, [&]<int Width>() {
        const WideMap map = wide_map(arrangement.stages, Width, int(sizeof(Element)));
        return launch("cross_attention_forward_wide", wide_kernel<WideConfig<Element, Width>>, dim3(static_cast<unsigned>(p.blocks)), dim3(wide_warps * 32),
                      static_cast<size_t>(map.bytes), stream, p, arrangement.stages, map);
    });
}

}  // namespace lsk::forward
