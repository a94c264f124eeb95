// How linear attention is laid out over the device.
#pragma once
#include <string>
#include "plan/row_spans.h"

namespace lsk {

constexpr int linear_attention_tile_rows = 64;
constexpr int linear_attention_block = 64;  // states are worked on in blocks of 64 x 64

struct LinearAttentionProblem {
    int heads;
    int key_width;
    int value_width;
    const int64_t* offsets;  // [segments + 1]
    int64_t segments;
    int multiprocessors;
};

// Of the sums over rows: spans, and the workspace for their merge.
struct StateSumLayout {
    RowSpans rows;
    int64_t partial_bytes = 0;
    std::string explanation;
};

StateSumLayout lay_out_state_sum(const LinearAttentionProblem& problem);

// Of rows times states: spans, each of one block and head.
struct StateRowsLayout {
    RowSpans rows;
    std::string explanation;
};

StateRowsLayout lay_out_state_rows(const LinearAttentionProblem& problem);

}  // namespace lsk
