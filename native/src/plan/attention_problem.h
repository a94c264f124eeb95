// A problem of cross attention: the rows of a segment that read one key/value head.
#pragma once
#include <algorithm>
#include "plan/cross_attention.h"

namespace lsk {

constexpr int64_t shared_memory_reserve = 1024;  // of each resident block, the system's

// Tokens of a segment's history.
inline int64_t history_of(const AttentionShape& shape, int64_t segment) { return shape.history_offsets[segment + 1] - shape.history_offsets[segment]; }

inline int64_t rows_of(const AttentionShape& shape, int64_t segment) {
    return (shape.target_offsets[segment + 1] - shape.target_offsets[segment]) * shape.queries_per_target * shape.heads_per_key_value();
}

// Tokens that some row of [first, first + rows) of a segment's problem sees.
inline int64_t visible_tokens(const AttentionShape& shape, int64_t segment, int64_t first, int64_t rows) {
    if (rows == 0) return 0;
    if (shape.history_limits.empty()) return history_of(shape, segment);
    const int64_t per_target = int64_t(shape.heads_per_key_value()) * shape.queries_per_target;
    int64_t most = 0;
    for (int64_t target = first / per_target; target <= (first + rows - 1) / per_target; target++)
        most = std::max(most, shape.history_limits[shape.target_offsets[segment] + target]);
    return std::min(history_of(shape, segment), most);
}

// A work with what it has of its problem: all but the row tile and the span of tokens.
inline AttentionWork problem_work(const AttentionShape& shape, int64_t segment, int key_value_head) {
    const int64_t first_target = shape.target_offsets[segment], per_target = int64_t(shape.queries_per_target) * shape.heads;
    const int64_t first_head = int64_t(key_value_head) * shape.heads_per_key_value();
    AttentionWork work{};
    work.query_row = (shape.broadcast_queries ? 0 : first_target * per_target) + first_head;
    work.output_row = first_target * per_target + first_head;
    work.history_row = shape.history_offsets[segment];
    work.first_target = first_target;
    work.history_length = static_cast<int32_t>(history_of(shape, segment));
    work.key_value_head = key_value_head;
    return work;
}

}  // namespace lsk
