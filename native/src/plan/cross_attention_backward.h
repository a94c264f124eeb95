// How the backward of a cross attention runs: which kernels, which blocks do what, how much workspace, and why. Pure functions of shape and chip.
#pragma once
#include "kernels/cross_attention/backward_geometry.h"
#include "plan/cross_attention.h"

namespace lsk {

struct BackwardPlan {
    backward::ResidentArrangement rows{};     // of the row pass
    std::vector<BackwardWork> row_works;
    std::vector<int32_t> row_block_works;     // [blocks + 1]
    backward::TokenArrangement tokens{};      // of the token pass, over problems of several row tiles
    std::vector<BackwardWork> token_works;    // a block each
    int32_t tickets = 0;
    int64_t partial_stride = 0;               // floats of a partial query gradient
    int64_t partials = 0;                     // how many
    std::string explanation;                  // lines

    int row_blocks() const { return static_cast<int>(row_block_works.size()) - 1; }
};

// Overrules a plan's own choice, to test what it would not choose.
struct BackwardPin {
    int blocks = 0;        // of the row pass, 0 for as many as run at once
    int row_capacity = 0;  // of a row tile, 0 for the cheapest
    int span_tiles = 0;    // of tokens that a block of the token pass takes, 0 for a share of the chip
};

// Why no kernel takes the shape; "" if one does.
std::string unsupported_backward(const Chip& chip, const AttentionShape& shape);

// Throws std::invalid_argument where the pinned row tile does not take the shape.
BackwardPlan plan_backward(const Chip& chip, const AttentionShape& shape, const BackwardPin& pin = {});

}  // namespace lsk
