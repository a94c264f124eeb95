// How sketch attention is laid out over the device.
#pragma once
#include <string>
#include "plan/row_spans.h"

namespace lsk {

constexpr int sketch_tile_rows = 64;  // of the tile that a block keeps: tokens or prototypes

struct SketchProblem {
    int prototypes;
    const int64_t* offsets;  // [segments + 1] of the histories
    int64_t segments;
    int multiprocessors;
    int64_t sketch_partial_bytes;              // of one block of prototypes
    int64_t prototype_gradient_partial_bytes;  // likewise
};

struct SketchLayout {
    int64_t prototype_blocks = 0;
    RowSpans sketch;               // of tokens, empty segments as well: their sketch is written, too
    RowSpans token_gradients;      // tiles of tokens
    RowSpans prototype_gradient;   // of tokens; a block's run of spans is one part of the sum over all segments
    int parts = 0;
    int part_group = 0;            // parts of a merge group
    int part_tickets = 0;          // for one block of prototypes
    int64_t forward_partial_bytes = 0;
    int64_t backward_partial_bytes = 0;
    std::string explanation;
};

SketchLayout lay_out_sketch(const SketchProblem& problem);

}  // namespace lsk
