#include "plan/linear_attention.h"
#include <algorithm>

namespace lsk {

constexpr int tile_rows = linear_attention_tile_rows;
constexpr int state_block = linear_attention_block;
constexpr int64_t block_bytes = state_block * state_block * 4;
constexpr int64_t blocks_per_multiprocessor = 3;  // what shared memory has room for
constexpr int64_t most_blocks = 1024;             // bounds the tickets of a run

static int blocks_of(int width) { return (width + state_block - 1) / state_block; }

static int64_t wanted_blocks(const LinearAttentionProblem& problem) {
    return std::min(most_blocks, problem.multiprocessors * blocks_per_multiprocessor);
}

static std::string describe(const RowSpans& rows) { return std::to_string(rows.spans.size()) + " spans of at most " + std::to_string(rows.longest) + " rows"; }

StateSumLayout lay_out_state_sum(const LinearAttentionProblem& problem) {
    const int64_t units = int64_t(problem.heads) * blocks_of(problem.key_width) * blocks_of(problem.value_width);
    StateSumLayout layout;
    layout.rows = cut_into_spans(problem.offsets, problem.segments, tile_rows, wanted_blocks(problem) / units, EmptySegments::skip);
    layout.partial_bytes = layout.rows.partials * units * block_bytes;
    layout.explanation = "sm80_state_sum: " + describe(layout.rows) + ", each for " + std::to_string(units) + " blocks of the state (heads and 64 x 64 parts)" +
                         (layout.rows.partials ? ", merged in their order by the last to arrive." : ".");
    return layout;
}

StateRowsLayout lay_out_state_rows(const LinearAttentionProblem& problem) {
    StateRowsLayout layout;
    layout.rows = cut_into_spans(problem.offsets, problem.segments, tile_rows, wanted_blocks(problem) / problem.heads, EmptySegments::skip);
    layout.explanation = "sm80_state_rows: " + describe(layout.rows) + " for " + std::to_string(problem.heads) + " heads, the state kept in shared memory" +
                         (problem.key_width > state_block || problem.value_width > state_block ? " a 64 x 64 block at a time." : ".");
    return layout;
}

}  // namespace lsk
