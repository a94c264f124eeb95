// Cross attention backward with the tokens at rest: a tile of the history stays in shared memory and its gradient in registers, the rows of the problem
// stream past in chunks. For problems of more rows than a row tile holds: history gradients are complete without sums in memory, at the price of computing
// the scores once more than sm80_backward_rows.cuh, which then makes only the query gradients. Warps share nothing but the rows: each has its own 16 tokens.
#pragma once
#include "kernels/cross_attention/backward_scores.cuh"

namespace lsk::backward {

// Which gradients a block makes. Of two tensors, each needs all of the registers: a block makes one.
enum class TokenPart { keys, values, both };

template <class Config>
struct TokenPass {
    using Element = typename Config::Element;
    using Layout = typename Config::Layout;
    using Gradient = float[Config::width / 8][4];

    const CrossAttentionBackwardParams& b;
    const CrossAttentionParams& p;
    const TokenMap& map;
    const TokenArrangement& arrangement;
    const BackwardWork& full_work;
    const AttentionWork& work;
    const TokenPart part;
    std::byte* const shared;
    const int thread, threads, lane, warp;
    const Slice slice;

    LSK_DEVICE TokenPass(const CrossAttentionBackwardParams& params, const TokenArrangement& how, const TokenMap& shared_map, TokenPart block_part, std::byte* memory)
        : b(params), p(params.attention), map(shared_map), arrangement(how), full_work(params.works[blockIdx.x]), work(full_work.attention), part(block_part), shared(memory),
          thread(static_cast<int>(threadIdx.x)), threads(how.warps * 32), lane(thread % 32), warp(thread / 32), slice(Slice::of_block<Config>(params.attention)) {}

    LSK_DEVICE RowAlignment alignment() const { return p.aligned_inputs ? RowAlignment::chunks : RowAlignment::elements; }
    LSK_DEVICE std::byte* stage(int index) const { return shared + map.ring + index * map.stage_bytes; }
    LSK_DEVICE RowStatistics statistics(int index) const { return {stage(index) + map.statistics_offset, chunk_rows}; }
    LSK_DEVICE int64_t history_offset(int token) const { return ((work.history_row + token) * p.key_value_heads + work.key_value_head) * p.width; }

    LSK_DEVICE void load_tokens(int token, int token_end) const {
        const int64_t stride = int64_t(p.key_value_heads) * p.width;
        const int tile_tokens = arrangement.warps * warp_tokens;
        load_tile<Layout>(shared + map.keys, slice.rows<Element>(p.keys, history_offset(token), stride, alignment()), tile_tokens, token_end - token, ptx::thread_index(), threads);
        if (p.shared_history || part == TokenPart::values) return;
        load_tile<Layout>(shared + map.values, slice.rows<Element>(p.values, history_offset(token), stride, alignment()), tile_tokens, token_end - token, ptx::thread_index(), threads);
    }

    LSK_DEVICE void load_rows(int first_row, int into) const {
        const RowMap map_row(p);
        load_tile<Layout>(stage(into), slice.rows<Element>(p.queries, 0, p.width, alignment()), chunk_rows, work.rows - first_row, ptx::thread_index(), threads, [&](int row) { return map_row(work.query_row, first_row + row); });
        load_tile<Layout>(stage(into) + map.output_gradient_offset, slice.rows<Element>(b.output_gradient, 0, p.width, alignment()), chunk_rows, work.rows - first_row, ptx::thread_index(), threads,
                          [&](int row) { return map_row(work.output_row, first_row + row); });
    }

    // The statistics of a row of a chunk, a thread each; asked for before a chunk's products and put away after them, so that nobody waits for them.
    struct FetchedStatistics {
        RowStatistic own;
        float delta;
    };

    LSK_DEVICE FetchedStatistics fetch_statistics(int first_row) const {
        const int row = first_row + thread;
        if (thread >= chunk_rows) return {{0.0f, 0}, 0.0f};
        return {row_statistic(p, work, row, work.rows), row < work.rows && p.score == Score::softmax ? b.deltas[RowMap(p)(work.output_row, row)] : 0.0f};
    }

    LSK_DEVICE void put_statistics(const FetchedStatistics& fetched, int into) const {
        if (thread >= chunk_rows) return;
        const RowStatistics to = statistics(into);
        to.level[thread] = fetched.own.level;
        to.visible[thread] = fetched.own.visible;
        to.delta[thread] = fetched.delta;
    }

    // Gradient += operands x a tile of rows, all columns.
    LSK_DEVICE void multiply_all(Gradient& sum, const ChunkOperands<Config>& operands, uint32_t rows) const {
        // fp32 adds a chunk's products with ordinary additions: tensor cores truncate when they add to an accumulator, a bias over many chunks.
        constexpr int columns = sizeof(Element) == 4 ? 4 : Config::width / 8;
        LSK_UNROLL for (int c = 0; c < Config::width / 8; c += columns) {
            if constexpr (sizeof(Element) == 4) {
                float fresh[columns][4] = {};
                multiply_rows<Config>(fresh, operands, rows, 0, c * 8, lane);
                LSK_UNROLL for (int i = 0; i < columns; i++) LSK_UNROLL for (int e = 0; e < 4; e++) sum[c + i][e] += fresh[i][e];
            } else {
                multiply_rows<Config>(sum, operands, rows, 0, 0, lane);
            }
        }
    }

    LSK_DEVICE void pass_chunk(Gradient& sum, WarpTokens& tokens, int token, int token_end, int first_row, int at) const {
        const uint32_t keys = ptx::shared_address(shared + map.keys), values = ptx::shared_address(shared + map.values);
        const uint32_t queries = ptx::shared_address(stage(at)), gradients = queries + static_cast<uint32_t>(map.output_gradient_offset);
        ChunkScores<Config> scores;
        float s[4][4] = {}, d[4][4] = {};
        if constexpr (Config::sliced)
            multiply_strips<Config>(s, d, b, work, slice, shared + map.strips, arrangement.warps * warp_tokens, token, token_end, first_row, warp, lane);
        multiply_chunk<Layout, Element, Config::depth>(s, d, keys, values, queries, gradients, warp * warp_tokens, 0,
                                                       part == TokenPart::values ? Products::scores : Products::scores_and_weight_gradients, lane);
        differentiate(s, d, p, statistics(at), 0, tokens, lane);
        pack(scores, s, d);
        if (part != TokenPart::keys) multiply_all(sum, scores.weights, gradients);
        if (part != TokenPart::values) multiply_all(sum, scores.gradients, queries);
    }

    LSK_DEVICE void store(const Gradient& sum, WarpTokens& tokens, int token) const {
        const int own_lane = ptx::thread_index() % 32, first_row = ptx::thread_index() / 32 * warp_tokens;
        if (void* const to = part == TokenPart::values ? b.value_gradient : b.key_gradient) {
            put_accumulators<Layout, Element>(shared + map.keys, sum, first_row, 0, own_lane);
            __syncwarp();
            store_tile<Layout>(shared + map.keys, static_cast<Element*>(to) + history_offset(token) + slice.first, int64_t(p.key_value_heads) * p.width, slice.width, alignment(), first_row,
                               warp_tokens, work.token_end - token, own_lane, 32, SameRow{});
        }
        if (b.key_bias_gradient && part != TokenPart::values && slice.first == 0)
            tokens.store(b.key_bias_gradient + work.key_value_head * b.history_rows + work.history_row, work.token_end, own_lane);
    }

    LSK_DEVICE void pass_tile(int token) const {
        const int visible_end = min(work.token_end, full_work.visible_end);
        const int row_chunks = token < visible_end ? (work.rows + chunk_rows - 1) / chunk_rows : 0, stages = arrangement.stages;
        Gradient sum;
        LSK_UNROLL for (int c = 0; c < Config::width / 8; c++) LSK_UNROLL for (int e = 0; e < 4; e++) sum[c][e] = 0.0f;
        WarpTokens tokens(p, work, token + warp * warp_tokens, visible_end, lane);
        // Chunks are loaded stages - 1 ahead of their turn; with one stage, at their turn.
        const int ahead = stages - 1;
        load_tokens(token, visible_end);
        for (int chunk = -ahead, at = 0, next = 0; chunk < row_chunks; chunk++) {
            if (ahead > 0 && chunk >= 0) wait_for_copies(ahead - 1);
            if (ahead == 0 || chunk >= 0) __syncthreads();  // the chunk is there, and nobody reads the one before it any more
            FetchedStatistics fetched{};
            const bool loads = chunk + ahead < row_chunks;
            if (loads) {
                load_rows((chunk + ahead) * chunk_rows, next);
                fetched = fetch_statistics((chunk + ahead) * chunk_rows);
            }
            ptx::cp_async_commit();
            if (ahead == 0) {
                put_statistics(fetched, next);
                ptx::cp_async_wait<0>();
                __syncthreads();
            }
            if (chunk >= 0) {
                pass_chunk(sum, tokens, token, visible_end, chunk * chunk_rows, at);
                at = at + 1 == stages ? 0 : at + 1;
            }
            if (ahead > 0 && loads) put_statistics(fetched, next);
            next = next + 1 == stages ? 0 : next + 1;
        }
        ptx::cp_async_wait<0>();
        __syncthreads();  // the gradient takes the place of the tokens
        store(sum, tokens, token);
        __syncthreads();  // shared memory is the next tile's
    }
};

template <class Config>
__global__ __launch_bounds__(token_warps_most * 32, 1) void token_kernel(const CrossAttentionBackwardParams p, const TokenArrangement arrangement, const TokenMap map) {
#if LSK_HAS_SM80
    LSK_SHARED(raw);
    const TokenPart part = p.attention.shared_history ? TokenPart::both : gridDim.y == 1 ? p.value_gradient ? TokenPart::values : TokenPart::keys : static_cast<TokenPart>(blockIdx.y);
    const TokenPass<Config> pass(p, arrangement, map, part, reinterpret_cast<std::byte*>(raw));
    for (int token = pass.work.token_begin; token < pass.work.token_end; token += arrangement.warps * warp_tokens) pass.pass_tile(token);
#endif
}

template <class Element>
cudaError_t launch_tokens(const TokenArrangement& arrangement, const CrossAttentionBackwardParams& p, cudaStream_t stream) {
    const bool keys_and_values = !p.attention.shared_history && p.value_gradient && (p.key_gradient || p.key_bias_gradient);
    const int width = p.attention.width, parts = slices(width, int(sizeof(Element)));
    const auto launch_width = [&]<int Width, Columns Cut = Columns::whole>() {
        if constexpr (Width <= widest_whole(int(sizeof(Element)))) {
            const TokenMap map = token_map(arrangement, width, int(sizeof(Element)), p.attention.shared_history);
            return launch("cross_attention_backward_tokens", token_kernel<Config<Element, Width, Cut>>,
                          dim3(static_cast<unsigned>(p.attention.blocks), keys_and_values ? 2 : 1, static_cast<unsigned>(parts)),
                          dim3(static_cast<unsigned>(arrangement.warps * 32)), static_cast<size_t>(map.bytes), stream, p, arrangement, map);
        } else {
            return cudaErrorInvalidValue;  // plans do not choose it
        }
    };
    if (parts > 1) return launch_width.template operator()<slice_width, Columns::sliced>();
    switch (padded_width(width, int(sizeof(Element)))) {
        case 64: return launch_width.template operator()<64>();
        case 128: return launch_width.template operator()<128>();
        default: return launch_width.template operator()<256>();
    }
}

}  // namespace lsk::backward
