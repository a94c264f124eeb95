// How cross attention runs a batch shape: which kernel, which blocks do what, how much workspace, and why. Pure functions of shape and chip.
#pragma once
#include <cstdint>
#include <string>
#include <vector>
#include "kernels/cross_attention/forward_geometry.h"

namespace lsk {

// What a plan needs to know of the device.
struct Chip {
    int compute_capability;
    int multiprocessors;
    int shared_memory_per_block;
};

// A batch of cross attentions, checked. lsk_cross_attention_shape says what the fields mean.
struct AttentionShape {
    int dtype = 0, output_dtype = 0, form = 0, score = 0;
    int history_encoding = 0;  // lsk_history_encoding
    int heads = 1, head_width = 1, key_value_heads = 1, queries_per_target = 1;
    bool broadcast_queries = false;
    float scale = 1, soft_cap = 0, score_divisor = 0;
    std::vector<int64_t> target_offsets, history_offsets;  // [segments + 1]
    std::vector<int64_t> history_limits;                   // [T] or empty

    int64_t segments() const { return static_cast<int64_t>(target_offsets.size()) - 1; }
    int64_t targets() const { return target_offsets.back(); }
    int64_t tokens() const { return history_offsets.back(); }
    int64_t rows() const { return targets() * queries_per_target * heads; }  // of the output
    int64_t query_targets() const { return !broadcast_queries ? targets() : segments() == 0 ? 0 : target_offsets[1]; }
    int element_bytes() const { return dtype == 0 ? 4 : 2; }
    // Of the codes that a kernel decodes; 0 where it reads elements: fp16 codes are the rows of fp16 queries as they are.
    int code_bits() const { return history_encoding == 0 || (history_encoding == 1 && dtype == 2) ? 0 : 32 >> history_encoding; }
    int row_bytes() const { return (head_width * code_bits() + 7) / 8; }  // of the codes of one head of a token
    int heads_per_key_value() const { return heads / key_value_heads; }
};

// A plan's own choice can be overruled, to test or to measure what it would not choose.
struct ForwardPin {
    std::string kernel;  // a candidate's name, "" for the cheapest
    int blocks = 0;      // of the grid, 0 for as many as run at once
};

struct ForwardPlan {
    ForwardLaunch how{};
    std::vector<AttentionWork> works;
    std::vector<int32_t> block_works;  // [blocks + 1]
    int32_t tickets = 0;
    int64_t partial_bytes = 0;
    std::string explanation;           // lines

    int blocks() const { return static_cast<int>(block_works.size()) - 1; }
};

// Why no kernel takes the shape; "" if one does.
std::string unsupported_forward(const AttentionShape& shape);

// Throws std::invalid_argument where the pinned kernel does not take the shape.
ForwardPlan plan_forward(const Chip& chip, const AttentionShape& shape, const ForwardPin& pin = {});

}  // namespace lsk
