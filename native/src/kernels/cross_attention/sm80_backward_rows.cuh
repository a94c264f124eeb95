// Cross attention backward with the rows at rest: queries and output gradients of a row tile stay in shared memory, the history streams past once. The
// query gradient lives in registers for the whole span and is merged over spans in their order by the last block to arrive. Where a row tile is a whole
// problem, the history's gradients are complete with each tile of tokens and leave at once, through the stage that held the tokens: every key is read
// once, every key gradient written once, and nothing is added in memory.
#pragma once
#include "device/last_arriver.cuh"
#include "kernels/cross_attention/backward_scores.cuh"

namespace lsk::backward {

template <class Config, int RowGroups>
struct RowPass {
    using Element = typename Config::Element;
    using Layout = typename Config::Layout;
    static constexpr int own_rows = group_rows(int(sizeof(Element)));     // of the query gradient, of a group of warps
    static constexpr int rows = RowGroups * own_rows;
    static constexpr int chunks = rows / chunk_rows;
    static constexpr int own_chunks = own_rows / chunk_rows;
    static constexpr int tile_tokens = resident_tokens(RowGroups);
    static constexpr int threads = RowGroups * group_warps * 32;
    static constexpr int warp_columns = Config::width / group_warps;      // of the query gradient
    static constexpr int slice_columns = sizeof(Element) == 2 && Config::width <= 128 ? 64 : 32;  // of the history's gradient at a time
    using ScoreLayout = TileLayout<Element, rows>;                        // dS, a row a token
    // Where registers are short, dS is read back from shared memory, which has it anyway for the query gradient.
    static constexpr bool reads_gradients_back = RowGroups > 1 && Config::width == 256;
    using QueryGradient = float[own_rows / 16][warp_columns / 8][4];

    const CrossAttentionBackwardParams& b;
    const CrossAttentionParams& p;
    const ResidentMap& map;
    const ResidentArrangement& arrangement;
    std::byte* const shared;
    const int thread, lane, warp;
    const Slice slice;
    const RowStatistics statistics;

    LSK_DEVICE RowPass(const CrossAttentionBackwardParams& params, const ResidentArrangement& how, const ResidentMap& shared_map, std::byte* memory)
        : b(params), p(params.attention), map(shared_map), arrangement(how), shared(memory), thread(static_cast<int>(threadIdx.x)), lane(thread % 32), warp(thread / 32),
          slice(Slice::of_block<Config>(params.attention)), statistics(memory + shared_map.statistics, how.row_capacity) {}

    LSK_DEVICE RowAlignment alignment() const { return p.aligned_inputs ? RowAlignment::chunks : RowAlignment::elements; }
    LSK_DEVICE bool query_wanted() const { return b.query_gradient != nullptr; }
    LSK_DEVICE bool history_wanted(const BackwardWork& work) const { return work.whole && (b.key_gradient || b.value_gradient || b.key_bias_gradient); }
    LSK_DEVICE std::byte* stage(int index) const { return shared + map.ring + index * map.stage_bytes; }

    // Where a warp's part of the query gradient begins.
    static LSK_DEVICE int own_row() { return ptx::thread_index() / 32 / group_warps * own_rows; }
    static LSK_DEVICE int own_column() { return ptx::thread_index() / 32 % group_warps * warp_columns; }

    // Element of keys, values or their gradients where a token of the work is.
    LSK_DEVICE int64_t history_offset(const AttentionWork& work, int token) const {
        return ((work.history_row + token) * p.key_value_heads + work.key_value_head) * p.width;
    }

    LSK_DEVICE void load_rows(const AttentionWork& work) const {
        const RowMap map_row(p);
        load_tile<Layout>(shared + map.queries, slice.rows<Element>(p.queries, 0, p.width, alignment()), arrangement.row_capacity, work.rows, thread, threads,
                          [&](int row) { return map_row(work.query_row, work.first_row + row); });
        load_tile<Layout>(shared + map.output_gradients, slice.rows<Element>(b.output_gradient, 0, p.width, alignment()), arrangement.row_capacity, work.rows, thread, threads,
                          [&](int row) { return map_row(work.output_row, work.first_row + row); });
    }

    LSK_DEVICE void load_tokens(const AttentionWork& work, int token, int token_end, int into) const {
        const int64_t stride = int64_t(p.key_value_heads) * p.width;
        load_tile<Layout>(stage(into), slice.rows<Element>(p.keys, history_offset(work, token), stride, alignment()), tile_tokens, token_end - token, ptx::thread_index(), threads);
        if (p.shared_history) return;
        load_tile<Layout>(stage(into) + map.value_offset, slice.rows<Element>(p.values, history_offset(work, token), stride, alignment()), tile_tokens, token_end - token, ptx::thread_index(), threads);
    }

    LSK_DEVICE void load_statistics(const AttentionWork& work) const {
        for (int row = thread; row < arrangement.row_capacity; row += threads) {
            const RowStatistic own = row_statistic(p, work, work.first_row + row, work.first_row + work.rows);
            statistics.level[row] = own.level;
            statistics.visible[row] = own.visible;
        }
        const int group = thread / b.delta_lanes, groups = threads / b.delta_lanes;
        for (int first = 0; first < arrangement.row_capacity; first += groups) {
            const int row = first + group;
            const int64_t output_row = RowMap(p)(work.output_row, work.first_row + row);
            const float delta = p.score == Score::softmax ? row_delta<Element>(b, output_row, row < work.rows, lane % b.delta_lanes) : 0.0f;
            if (row >= arrangement.row_capacity || lane % b.delta_lanes != 0) continue;
            statistics.delta[row] = delta;
            if (b.deltas && work.split == 0 && slice.first == 0 && row < work.rows) b.deltas[output_row] = delta;
        }
    }

    LSK_DEVICE void score_chunk(ChunkScores<Config>& scores, const AttentionWork& work, int token, int token_end, int chunk, uint32_t keys, uint32_t values, WarpTokens& tokens) const {
        float s[4][4] = {}, d[4][4] = {};
        if constexpr (Config::sliced)
            multiply_strips<Config>(s, d, b, work, slice, shared + map.strips, tile_tokens, token, token_end, chunk * chunk_rows, warp, lane);
        multiply_chunk<Layout, Element, Config::depth>(s, d, keys, values, ptx::shared_address(shared + map.queries), ptx::shared_address(shared + map.output_gradients),
                                                       warp * warp_tokens, chunk * chunk_rows, Products::scores_and_weight_gradients, lane);
        differentiate(s, d, p, statistics, chunk * chunk_rows, tokens, lane);
        pack(scores, s, d);
        if (reads_gradients_back || query_wanted())
            put_accumulators<ScoreLayout, Element>(shared + map.score_gradients, d, warp * warp_tokens, chunk * chunk_rows, lane);
    }

    // dQ += dS K: every warp takes its columns of its group's rows.
    LSK_DEVICE void multiply_keys(QueryGradient& sum, const AttentionWork& work, uint32_t keys) const {
        const uint32_t gradients = ptx::shared_address(shared + map.score_gradients);
        const int first_row = own_row(), first_column = own_column();
        LSK_UNROLL for (int chunk = 0; chunk < own_chunks; chunk++) {
            if (first_row + chunk * chunk_rows >= work.rows) break;
            // fp32 adds the tile's products with ordinary additions: tensor cores truncate when they add to an accumulator, a bias over long spans.
            constexpr bool fresh_sums = sizeof(Element) == 4;
            float fresh[fresh_sums ? 2 : 1][fresh_sums ? warp_columns / 8 : 1][4] = {};
            _Pragma("unroll 2") for (int first = 0; first < tile_tokens; first += Fragment<Element>::k_elements) {
                typename Fragment<Element>::A a[2];
                LSK_UNROLL for (int m = 0; m < 2; m++) a[m] = load_a_by_column<ScoreLayout, Element>(gradients, first_row + chunk * chunk_rows + m * 16, first, lane);
                LSK_UNROLL for (int c = 0; c < warp_columns / 8; c += 2) {
                    typename Fragment<Element>::B columns[2];
                    load_b_by_column<Layout, Element>(columns, keys, first, first_column + c * 8, lane);
                    LSK_UNROLL for (int m = 0; m < 2; m++)
                        LSK_UNROLL for (int i = 0; i < 2; i++) {
                            if constexpr (fresh_sums)
                                multiply(fresh[m][c + i], a[m], columns[i]);
                            else
                                multiply(sum[chunk * 2 + m][c + i], a[m], columns[i]);
                        }
                }
            }
            if constexpr (fresh_sums)
                LSK_UNROLL for (int m = 0; m < 2; m++)
                    LSK_UNROLL for (int c = 0; c < warp_columns / 8; c++)
                        LSK_UNROLL for (int e = 0; e < 4; e++) sum[chunk * 2 + m][c][e] += fresh[m][c][e];
        }
    }

    // dS of the warp's tokens and a chunk of rows, as the warp stored it.
    LSK_DEVICE ChunkOperands<Config> read_back(int chunk) const {
        ChunkOperands<Config> operands;
        LSK_UNROLL for (int step = 0; step < Config::chunk_steps; step++)
            operands.of[step] = load_packed_a<ScoreLayout, Element>(ptx::shared_address(shared + map.score_gradients), warp * warp_tokens, chunk * Config::chunk_steps + step, lane);
        return operands;
    }

    // dV = P^T dO and dK = dS^T Q, or their sum where one tensor is both, of the warp's tokens; left where the tokens were.
    LSK_DEVICE void multiply_rows_of_all(const ChunkScores<Config> (&scores)[chunks], int active_rows, std::byte* keys, std::byte* values) const {
        const uint32_t queries = ptx::shared_address(shared + map.queries), gradients = ptx::shared_address(shared + map.output_gradients);
        for (int column = 0; column < Config::width; column += slice_columns) {
            float sum[slice_columns / 8][4] = {};
            LSK_UNROLL for (int chunk = 0; chunk < chunks; chunk++)
                if (chunk * chunk_rows < active_rows) multiply_rows<Config>(sum, scores[chunk].weights, gradients, chunk * chunk_rows, column, lane);
            if (values != keys) {
                put_accumulators<Layout, Element>(values, sum, warp * warp_tokens, column, lane);
                LSK_UNROLL for (int c = 0; c < slice_columns / 8; c++) LSK_UNROLL for (int e = 0; e < 4; e++) sum[c][e] = 0.0f;
            }
            LSK_UNROLL for (int chunk = 0; chunk < chunks; chunk++)
                if (chunk * chunk_rows < active_rows) {
                    if constexpr (reads_gradients_back)
                        multiply_rows<Config>(sum, read_back(chunk), queries, chunk * chunk_rows, column, lane);
                    else
                        multiply_rows<Config>(sum, scores[chunk].gradients, queries, chunk * chunk_rows, column, lane);
                }
            put_accumulators<Layout, Element>(keys, sum, warp * warp_tokens, column, lane);
        }
        __syncwarp();
    }

    LSK_DEVICE void store_history(const AttentionWork& work, void* to, const std::byte* tile, int token) const {
        if (!to) return;
        store_tile<Layout>(tile, static_cast<Element*>(to) + history_offset(work, token) + slice.first, int64_t(p.key_value_heads) * p.width, slice.width, alignment(), warp * warp_tokens,
                           warp_tokens, work.token_end - token, ptx::thread_index() % 32, 32, SameRow{});
    }

    // One tile of tokens.
    LSK_DEVICE void pass_tile(QueryGradient& sum, const BackwardWork& full_work, int token, int at) const {
        const AttentionWork& work = full_work.attention;
        const int visible_end = full_work.visible_end;
        std::byte* const keys = stage(at);
        std::byte* const values = keys + map.value_offset;
        const bool seen = token < visible_end;
        WarpTokens tokens(p, work, token + warp * warp_tokens, min(work.token_end, visible_end), lane);
        ChunkScores<Config> scores[chunks];
        if (seen)
            LSK_UNROLL for (int chunk = 0; chunk < chunks; chunk++)
                if (chunk * chunk_rows < work.rows)
                    score_chunk(scores[chunk], work, token, min(work.token_end, visible_end), chunk, ptx::shared_address(keys), ptx::shared_address(values), tokens);
        if (seen && query_wanted()) {
            __syncthreads();  // all of dS is there
            multiply_keys(sum, work, ptx::shared_address(keys));
        }
        if (!history_wanted(full_work)) return;
        __syncthreads();  // nobody reads this stage any more
        if (b.key_gradient || b.value_gradient) {
            multiply_rows_of_all(scores, seen ? work.rows : 0, keys, values);
            store_history(work, b.key_gradient, keys, token);
            store_history(work, b.value_gradient, values, token);
        }
        if (b.key_bias_gradient && slice.first == 0) tokens.store(b.key_bias_gradient + work.key_value_head * b.history_rows + work.history_row, work.token_end, lane);
    }

    // Streams the work's tokens past its rows.
    LSK_DEVICE void pass(QueryGradient& sum, const BackwardWork& full_work) const {
        const AttentionWork& work = full_work.attention;
        const int ahead = arrangement.stages - 1, loaded_end = min(work.token_end, full_work.visible_end);
        // A run that wants nothing of the tokens still leaves the deltas.
        const int tiles = query_wanted() || history_wanted(full_work) ? (work.token_end - work.token_begin + tile_tokens - 1) / tile_tokens : 0;
        const auto token_of = [&](int tile) { return work.token_begin + tile * tile_tokens; };
        load_rows(work);
        if (ahead > 0 && tiles > 0) load_tokens(work, token_of(0), loaded_end, 0);
        ptx::cp_async_commit();
        load_statistics(work);
        LSK_UNROLL for (int m = 0; m < own_rows / 16; m++)
            LSK_UNROLL for (int c = 0; c < warp_columns / 8; c++) LSK_UNROLL for (int e = 0; e < 4; e++) sum[m][c][e] = 0.0f;
        for (int tile = 0, at = 0; tile < tiles; tile++) {
            if (ahead == 0) {
                __syncthreads();  // the stage is free
                load_tokens(work, token_of(tile), loaded_end, 0);
                ptx::cp_async_commit();
            }
            ptx::cp_async_wait<0>();
            __syncthreads();  // the tile is there, and the other stage is free
            if (ahead > 0) {
                if (tile + 1 < tiles) load_tokens(work, token_of(tile + 1), loaded_end, at ^ 1);
                ptx::cp_async_commit();
            }
            pass_tile(sum, full_work, token_of(tile), at);
            at ^= ahead;
        }
        ptx::cp_async_wait<0>();
        __syncthreads();  // the rows' places are free
    }

    // Where a split leaves its query gradient, a row at a time.
    LSK_DEVICE float* partial_row(const BackwardWork& work, int split, int row) const {
        const AttentionWork& a = work.attention;
        if (b.broadcast) return b.partials + work.part * b.partial_stride + RowMap(p)(a.query_row, a.first_row + row) * p.width + slice.first;
        return b.partials + (int64_t(a.first_partial) + split) * b.partial_stride + int64_t(row) * p.width + slice.first;
    }

    LSK_DEVICE void store_partial(const QueryGradient& sum, const BackwardWork& work) const {
        const int own_lane = ptx::thread_index() % 32, first_row = own_row(), first_column = own_column();
        LSK_UNROLL for (int m = 0; m < own_rows / 16; m++)
            LSK_UNROLL for (int h = 0; h < 2; h++) {
                const int row = first_row + m * 16 + h * 8 + own_lane / 4;
                if (row >= work.attention.rows) continue;
                float* const to = partial_row(work, work.attention.split, row);
                LSK_UNROLL for (int c = 0; c < warp_columns / 8; c++) {
                    const int column = first_column + c * 8 + own_lane % 4 * 2;
                    if (column + 1 < slice.width && p.width % 2 == 0)
                        *reinterpret_cast<float2*>(to + column) = make_float2(sum[m][c][h * 2], sum[m][c][h * 2 + 1]);
                    else
                        for (int i = 0; i < 2; i++)
                            if (column + i < slice.width) to[column + i] = sum[m][c][h * 2 + i];
                }
            }
    }

    // Adds up the splits of a row tile, in their order.
    LSK_DEVICE void merge_partials(const BackwardWork& work) const {
        const AttentionWork& a = work.attention;
        for (int i = ptx::thread_index(); i < a.rows * slice.width; i += threads) {
            const int row = i / slice.width, column = i % slice.width;
            float sum = 0.0f;
            for (int split = 0; split < a.splits; split++) sum += partial_row(work, split, row)[column];
            static_cast<Element*>(b.query_gradient)[RowMap(p)(a.query_row, a.first_row + row) * p.width + slice.first + column] = device::from_float<Element>(sum);
        }
    }

    LSK_DEVICE void finish(const QueryGradient& sum, const BackwardWork& work) const {
        const AttentionWork& a = work.attention;
        if (!query_wanted()) return;
        if (b.broadcast) {
            store_partial(sum, work);
        } else if (a.splits > 1) {
            store_partial(sum, work);
            if (arrives_last(b.tickets + a.ticket * static_cast<int>(gridDim.z) + static_cast<int>(blockIdx.z), static_cast<unsigned>(a.splits))) merge_partials(work);
        } else {
            LSK_UNROLL for (int m = 0; m < own_rows / 16; m++)
                if (own_row() + m * 16 < arrangement.row_capacity) put_accumulators<Layout, Element>(shared + map.queries, sum[m], own_row() + m * 16, own_column(), ptx::thread_index() % 32);
            __syncthreads();
            const RowMap map_row(p);
            store_tile<Layout>(shared + map.queries, static_cast<Element*>(b.query_gradient) + slice.first, p.width, slice.width, alignment(), 0, arrangement.row_capacity, a.rows, ptx::thread_index(),
                               threads, [&](int row) { return map_row(a.query_row, a.first_row + row); });
        }
    }
};

// Two blocks of one group, or one of two, on a multiprocessor: either way 8 warps, which may have all its registers.
template <class Config, int RowGroups>
__global__ __launch_bounds__(RowGroups * group_warps * 32, most_row_groups / RowGroups) void row_kernel(const CrossAttentionBackwardParams p, const ResidentArrangement arrangement, const ResidentMap map) {
#if LSK_HAS_SM80
    LSK_SHARED(raw);
    using Pass = RowPass<Config, RowGroups>;
    const Pass pass(p, arrangement, map, reinterpret_cast<std::byte*>(raw));
    for (int i = p.attention.block_works[blockIdx.x]; i < p.attention.block_works[blockIdx.x + 1]; i++) {
        const BackwardWork& work = p.works[i];
        typename Pass::QueryGradient sum;
        pass.pass(sum, work);
        pass.finish(sum, work);
        __syncthreads();  // shared memory is the next work's
    }
#endif
}

template <class Element, int RowGroups>
cudaError_t launch_rows(const ResidentArrangement& arrangement, const CrossAttentionBackwardParams& p, cudaStream_t stream) {
    const int width = p.attention.width, parts = slices(width, int(sizeof(Element)));
    const auto launch_width = [&]<int Width, Columns Cut = Columns::whole>() {
        if constexpr (Width <= widest_whole(int(sizeof(Element))) && (RowGroups == 1 || Cut == Columns::whole)) {
            const ResidentMap map = resident_map(arrangement, width, int(sizeof(Element)), p.attention.shared_history);
            return launch("cross_attention_backward_rows", row_kernel<Config<Element, Width, Cut>, RowGroups>,
                          dim3(static_cast<unsigned>(p.attention.blocks), 1, static_cast<unsigned>(parts)), dim3(RowGroups * group_warps * 32),
                          static_cast<size_t>(map.bytes), stream, p, arrangement, map);
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
