// From products to score gradients, transposed: a warp's 16 tokens are the rows of its accumulators, a chunk of query rows their columns. Weights and score
// gradients are then A operands of the history's gradients as they stand, without a trip through shared memory.
#pragma once
#include "device/chunk.cuh"
#include "device/fragment.cuh"
#include "kernels/cross_attention/attention_rows.cuh"
#include "kernels/cross_attention/backward_variants.h"

namespace lsk::backward {

using forward::accurate_tanh;
using forward::RowMap;
using forward::visible;
using forward::wait_for_copies;

enum class Columns { whole, sliced };

// One compiled variant.
template <class ElementType, int Width, Columns Cut = Columns::whole>
struct Config {
    using Element = ElementType;
    using Layout = TileLayout<Element, Width>;
    using StripLayout = TileLayout<Element, strip_bytes / int(sizeof(Element))>;
    static constexpr bool sliced = Cut == Columns::sliced;
    static constexpr int width = Width;
    static constexpr int depth = Width / Fragment<Element>::k_elements;        // products along a row
    static constexpr int chunk_columns = chunk_rows / 8;                       // accumulators of a chunk
    static constexpr int chunk_steps = chunk_rows / Fragment<Element>::k_elements;  // products along a chunk of rows
};

// The columns that a block makes gradients of.
struct Slice {
    int first, width;

    template <class Config>
    static LSK_DEVICE Slice of_block(const CrossAttentionParams& p) {
        if constexpr (Config::sliced) {
            const int first = static_cast<int>(blockIdx.z) * Config::width;
            return {first, min(Config::width, p.width - first)};
        } else {
            return {0, p.width};
        }
    }

    // A tensor's rows from a row on, these columns of them.
    template <class Element>
    LSK_DEVICE RowSource<Element> rows(const void* tensor, int64_t offset, int64_t stride, RowAlignment alignment) const {
        return {static_cast<const Element*>(tensor) + offset + first, stride, width, alignment};
    }
};

// What a row's scores need, in shared memory.
struct RowStatistics {
    float* level;   // LSE of softmax; else 1 / divisor
    float* delta;   // rowsum(dO O) - dLSE; 0 unless softmax
    int* visible;   // tokens it sees; 0 for rows that do not exist

    LSK_DEVICE RowStatistics(std::byte* at, int rows)
        : level(reinterpret_cast<float*>(at)), delta(level + rows), visible(reinterpret_cast<int*>(delta + rows)) {}
};

// The statistics of one row but its delta.
struct RowStatistic {
    float level;
    int visible;
};

LSK_DEVICE RowStatistic row_statistic(const CrossAttentionParams& p, const AttentionWork& work, int row, int rows) {
    if (row >= rows) return {0.0f, 0};
    const int seen = visible(p, work, row);
    if (p.score != Score::softmax) {
        const float divisor = p.score_divisor != 0.0f ? p.score_divisor : p.score == Score::silu ? static_cast<float>(seen) : 1.0f;
        return {seen > 0 ? 1.0f / divisor : 0.0f, seen};
    }
    const float lse = p.log_sum_exp[RowMap(p)(work.output_row, row)];
    // Keys hidden by a bias of -infinity, all of them: an empty history.
    return lse == -INFINITY ? RowStatistic{0.0f, 0} : RowStatistic{lse, seen};
}

// rowsum(dO O) - dLSE of a row by a group of neighbouring lanes; all lanes of the warp take part. Rows that do not exist have 0.
template <class Element>
LSK_DEVICE float row_delta(const CrossAttentionBackwardParams& p, int64_t output_row, bool exists, int lane) {
    const int width = p.attention.width;
    const RowAlignment alignment = p.attention.aligned_inputs ? RowAlignment::chunks : RowAlignment::elements;
    float sum = 0.0f;
    if (exists) {
        const bool wide = p.attention.output_dtype != p.attention.input_dtype;  // the output of partial states is fp32
        const Element* output = static_cast<const Element*>(p.attention.output) + output_row * width;
        const float* wide_output = static_cast<const float*>(p.attention.output) + output_row * width;
        const Element* gradient = static_cast<const Element*>(p.output_gradient) + output_row * width;
        for (int column = lane * Chunk<Element>::elements; column < width; column += p.delta_lanes * Chunk<Element>::elements) {
            const Chunk<Element> b = load_chunk(gradient, column, width, alignment);
            Chunk<Element> a;
            if (wide)
                LSK_UNROLL for (int i = 0; i < Chunk<Element>::elements; i++) a.value[i] = column + i < width ? wide_output[column + i] : 0.0f;
            else
                a = load_chunk(output, column, width, alignment);
            LSK_UNROLL for (int i = 0; i < Chunk<Element>::elements; i++) sum += a.value[i] * b.value[i];
        }
    }
    sum = group_sum(sum, p.delta_lanes);
    return exists && p.log_sum_exp_gradient ? sum - p.log_sum_exp_gradient[output_row] : sum;
}

// What a warp knows of its own 16 tokens: lane / 4 and lane / 4 + 8 of them.
struct WarpTokens {
    int first;                  // relative to the segment
    float bias[2];
    float bias_gradient[2];     // this lane's share

    LSK_DEVICE WarpTokens(const CrossAttentionParams& p, const AttentionWork& work, int token, int token_end, int lane) : first(token), bias(), bias_gradient() {
        if (!p.key_bias) return;
        LSK_UNROLL for (int h = 0; h < 2; h++) {
            const int own = first + lane / 4 + h * 8;
            if (own < token_end) bias[h] = p.key_bias[work.history_row + own];
        }
    }

    // Adds up the lanes that share tokens and writes.
    LSK_DEVICE void store(float* gradient, int token_end, int lane) {
        LSK_UNROLL for (int h = 0; h < 2; h++) {
            bias_gradient[h] += __shfl_xor_sync(all_lanes, bias_gradient[h], 1);
            bias_gradient[h] += __shfl_xor_sync(all_lanes, bias_gradient[h], 2);
            const int own = first + lane / 4 + h * 8;
            if (lane % 4 == 0 && own < token_end) gradient[own] = bias_gradient[h];
        }
    }
};

// 16 tokens and a chunk of rows, as A operands.
template <class Config>
struct ChunkOperands {
    PackedA<typename Config::Element> of[Config::chunk_steps];
};

template <class Config>
struct ChunkScores {
    ChunkOperands<Config> weights, gradients;
};

enum class Products { scores, scores_and_weight_gradients };

// S^T += K Q^T and dP^T += V dO^T of the warp's tokens (16 rows of the tiles from `first_token`) and a chunk of rows.
template <class Layout, class Element, int Depth>
LSK_DEVICE void multiply_chunk(float (&s)[4][4], float (&d)[4][4], uint32_t keys, uint32_t values, uint32_t queries, uint32_t output_gradients, int first_token,
                               int first_row, Products wanted, int lane) {
    _Pragma("unroll 1") for (int step = 0; step < Depth; step++) {
        typename Fragment<Element>::A a = load_a<Layout, Element>(keys, first_token, step, lane);
        LSK_UNROLL for (int c = 0; c < 4; c += 2) {
            typename Fragment<Element>::B b[2];
            load_b_by_row<Layout, Element>(b, queries, first_row + c * 8, step, lane);
            multiply(s[c], a, b[0]);
            multiply(s[c + 1], a, b[1]);
        }
        if (wanted == Products::scores) continue;
        if (values != keys) a = load_a<Layout, Element>(values, first_token, step, lane);
        LSK_UNROLL for (int c = 0; c < 4; c += 2) {
            typename Fragment<Element>::B b[2];
            load_b_by_row<Layout, Element>(b, output_gradients, first_row + c * 8, step, lane);
            multiply(d[c], a, b[0]);
            multiply(d[c + 1], a, b[1]);
        }
    }
}

// Which code turns products into weights: the common case without a branch in it, or all of them.
enum class ScoreCase { plain_softmax, general };

// The products of the columns outside the block's slice, a strip at a time, for a tile of tokens and a chunk of rows. All threads take part.
template <class Config>
LSK_DEVICE void multiply_strips(float (&s)[4][4], float (&d)[4][4], const CrossAttentionBackwardParams& b, const AttentionWork& work, const Slice& own, std::byte* strips, int tile_tokens,
                                int token, int token_end, int first_row, int warp, int lane) {
    using Element = typename Config::Element;
    using Layout = typename Config::StripLayout;
    const CrossAttentionParams& p = b.attention;
    const RowAlignment alignment = p.aligned_inputs ? RowAlignment::chunks : RowAlignment::elements;
    const int64_t stride = int64_t(p.key_value_heads) * p.width, offset = ((work.history_row + token) * p.key_value_heads + work.key_value_head) * p.width;
    const RowMap map_row(p);
    std::byte* const values = p.shared_history ? strips : strips + tile_tokens * strip_bytes;
    std::byte* const queries = strips + 2 * tile_tokens * strip_bytes;
    std::byte* const gradients = queries + chunk_rows * strip_bytes;
    for (int column = 0; column < p.width; column += Layout::width) {
        if (column >= own.first && column < own.first + Config::width) continue;
        const Slice strip{column, min(Layout::width, p.width - column)};
        const int thread = ptx::thread_index(), threads = static_cast<int>(blockDim.x);
        __syncthreads();  // nobody reads the strips any more
        load_tile<Layout>(strips, strip.rows<Element>(p.keys, offset, stride, alignment), tile_tokens, token_end - token, thread, threads);
        if (!p.shared_history) load_tile<Layout>(values, strip.rows<Element>(p.values, offset, stride, alignment), tile_tokens, token_end - token, thread, threads);
        load_tile<Layout>(queries, strip.rows<Element>(p.queries, 0, p.width, alignment), chunk_rows, work.rows - first_row, thread, threads,
                          [&](int row) { return map_row(work.query_row, work.first_row + first_row + row); });
        load_tile<Layout>(gradients, strip.rows<Element>(b.output_gradient, 0, p.width, alignment), chunk_rows, work.rows - first_row, thread, threads,
                          [&](int row) { return map_row(work.output_row, work.first_row + first_row + row); });
        ptx::cp_async_commit();
        ptx::cp_async_wait<0>();
        __syncthreads();  // the strips are there
        multiply_chunk<Layout, Element, Layout::width / Fragment<Element>::k_elements>(s, d, ptx::shared_address(strips), ptx::shared_address(values), ptx::shared_address(queries),
                                                                                      ptx::shared_address(gradients), warp * warp_tokens, 0,
                                                                                      Products::scores_and_weight_gradients, lane);
    }
}

// Products to weights (in s) and gradients of the products (in d): the score function, its derivative, the soft cap's and the scale. Tokens that a row
// does not see get zeros.
template <ScoreCase Case>
LSK_DEVICE void differentiate(float (&s)[4][4], float (&d)[4][4], const CrossAttentionParams& p, const RowStatistics& rows, int first_row, WarpTokens& tokens, int lane) {
    LSK_UNROLL for (int c = 0; c < 4; c++) {
        const int row = first_row + c * 8 + lane % 4 * 2;
        const float2 level = *reinterpret_cast<const float2*>(rows.level + row);
        const float2 delta = *reinterpret_cast<const float2*>(rows.delta + row);
        const int2 visible = *reinterpret_cast<const int2*>(rows.visible + row);
        LSK_UNROLL for (int e = 0; e < 4; e++) {
            const float own_level = e % 2 ? level.y : level.x, own_delta = e % 2 ? delta.y : delta.x;
            const bool seen = tokens.first + lane / 4 + e / 2 * 8 < (e % 2 ? visible.y : visible.x);
            float x = s[c][e] * p.scale, slope = p.scale, weight, gradient;
            if constexpr (Case == ScoreCase::plain_softmax) {
                weight = ptx::exp2((x + tokens.bias[e / 2] - own_level) * log2_e);
                gradient = weight * (d[c][e] - own_delta);
            } else {
                if (p.soft_cap != 0.0f) {
                    const float bent = accurate_tanh(x * ptx::reciprocal(p.soft_cap));
                    x = p.soft_cap * bent;
                    slope *= 1.0f - bent * bent;
                }
                x += tokens.bias[e / 2];
                if (p.score == Score::softmax) {
                    weight = ptx::exp2((x - own_level) * log2_e);
                    gradient = weight * (d[c][e] - own_delta);
                } else {
                    const float sigmoid = ptx::reciprocal(1.0f + ptx::exp2(-log2_e * x));
                    const bool silu = p.score == Score::silu;
                    weight = x * own_level * (silu ? sigmoid : 1.0f);
                    gradient = d[c][e] * own_level * (silu ? sigmoid * (1.0f + x * (1.0f - sigmoid)) : 1.0f);
                }
            }
            gradient = seen ? gradient : 0.0f;
            tokens.bias_gradient[e / 2] += gradient;
            s[c][e] = seen ? weight : 0.0f;
            d[c][e] = seen ? gradient * slope : 0.0f;
        }
    }
}

LSK_DEVICE void differentiate(float (&s)[4][4], float (&d)[4][4], const CrossAttentionParams& p, const RowStatistics& rows, int first_row, WarpTokens& tokens, int lane) {
    if (p.score == Score::softmax && p.soft_cap == 0.0f)
        differentiate<ScoreCase::plain_softmax>(s, d, p, rows, first_row, tokens, lane);
    else
        differentiate<ScoreCase::general>(s, d, p, rows, first_row, tokens, lane);
}

template <class Config>
LSK_DEVICE void pack(ChunkScores<Config>& scores, const float (&s)[4][4], const float (&d)[4][4]) {
    using Element = typename Config::Element;
    LSK_UNROLL for (int step = 0; step < Config::chunk_steps; step++) {
        scores.weights.of[step] = pack_a<Element>(s, step * Fragment<Element>::k_columns);
        scores.gradients.of[step] = pack_a<Element>(d, step * Fragment<Element>::k_columns);
    }
}

// Accumulators += operands (16 tokens x a chunk of rows) times columns [first_column, + Columns * 8) of the chunk's rows in a tile.
template <class Config, int Columns>
LSK_DEVICE void multiply_rows(float (&sum)[Columns][4], const ChunkOperands<Config>& operands, uint32_t tile, int first_row,
                              int first_column, int lane) {
    using Element = typename Config::Element;
    LSK_UNROLL for (int step = 0; step < Config::chunk_steps; step++) {
        const typename Fragment<Element>::A a = operands.of[step].a();
        LSK_UNROLL for (int c = 0; c < Columns; c += 2) {
            typename Fragment<Element>::B b[2];
            load_b_by_column<typename Config::Layout, Element>(b, tile, first_row + step * Fragment<Element>::k_elements, first_column + c * 8, lane);
            multiply(sum[c], a, b[0]);
            multiply(sum[c + 1], a, b[1]);
        }
    }
}

// Writes two neighbouring values of an accumulator row into a tile.
template <class Layout, class Element>
LSK_DEVICE void put_pair(std::byte* tile, int row, int column, float low, float high) {
    std::byte* const to = tile + Layout::element_offset(row, column);
    if constexpr (sizeof(Element) == 4) {
        // Rows 2i and 2i + 1 exchange the same two chunks: they write their halves of a pair in opposite order, to different banks.
        const int odd = row % 2;
        reinterpret_cast<float*>(to)[odd] = odd ? high : low;
        reinterpret_cast<float*>(to)[1 - odd] = odd ? low : high;
    } else {
        *reinterpret_cast<uint32_t*>(to) = Fragment<Element>::pack(low, high);
    }
}

// Accumulators of 16 rows from `first_row` into columns [first_column, ...) of a tile.
template <class Layout, class Element, int Columns>
LSK_DEVICE void put_accumulators(std::byte* tile, const float (&sum)[Columns][4], int first_row, int first_column, int lane) {
    LSK_UNROLL for (int c = 0; c < Columns; c++)
        LSK_UNROLL for (int h = 0; h < 2; h++)
            put_pair<Layout, Element>(tile, first_row + lane / 4 + h * 8, first_column + c * 8 + lane % 4 * 2, sum[c][h * 2], sum[c][h * 2 + 1]);
}

// Stores rows [first_row, first_row + rows) of a tile, of which those below `end_row` exist; `row_of` gives where a tile row goes.
template <class Layout, class Element, class RowOf>
LSK_DEVICE void store_tile(const std::byte* tile, Element* to, int64_t stride, int width, RowAlignment alignment, int first_row, int rows, int end_row, int thread,
                           int threads, RowOf row_of) {
    if (alignment == RowAlignment::chunks) {
        for (int i = thread; i < rows * Layout::chunks; i += threads) {
            const int row = first_row + i / Layout::chunks, chunk = i % Layout::chunks;
            if (row >= end_row || chunk * Layout::chunk_elements >= width) continue;
            *reinterpret_cast<uint4*>(to + row_of(row) * stride + chunk * Layout::chunk_elements) = *reinterpret_cast<const uint4*>(tile + Layout::offset(row, chunk));
        }
    } else {
        for (int i = thread; i < rows * Layout::width; i += threads) {
            const int row = first_row + i / Layout::width, column = i % Layout::width;
            if (row < end_row && column < width) to[row_of(row) * stride + column] = *reinterpret_cast<const Element*>(tile + Layout::element_offset(row, column));
        }
    }
}

}  // namespace lsk::backward
