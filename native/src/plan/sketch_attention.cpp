#include "plan/sketch_attention.h"
#include <algorithm>
#include <cmath>
#include <cstdint>

namespace lsk {

constexpr int tile_rows = sketch_tile_rows;
constexpr int64_t blocks_per_multiprocessor = 2;  // what shared memory has room for
constexpr int64_t most_blocks = 1024;             // bounds the tickets of a run

SketchLayout lay_out_sketch(const SketchProblem& problem) {
    SketchLayout layout;
    layout.prototype_blocks = (problem.prototypes + tile_rows - 1) / tile_rows;
    const int64_t blocks = std::min(most_blocks, problem.multiprocessors * blocks_per_multiprocessor);
    const int64_t of_prototypes = std::max<int64_t>(1, blocks / layout.prototype_blocks);
    const auto cut = [&](int64_t wanted, EmptySegments empty) { return cut_into_spans(problem.offsets, problem.segments, tile_rows, wanted, empty); };
    layout.sketch = cut(of_prototypes, EmptySegments::keep);
    layout.token_gradients = cut(INT32_MAX, EmptySegments::skip);  // a tile each: a block passes all prototypes twice for it
    layout.prototype_gradient = cut(of_prototypes, EmptySegments::skip);
    // Without any token one part remains: it writes the zeros.
    if (layout.prototype_gradient.block_spans.size() < 2) layout.prototype_gradient.block_spans = {0, 0};
    layout.parts = static_cast<int>(layout.prototype_gradient.block_spans.size()) - 1;
    layout.part_group = static_cast<int>(std::ceil(std::sqrt(double(layout.parts))));
    layout.part_tickets = (layout.parts + layout.part_group - 1) / layout.part_group + 1;
    layout.forward_partial_bytes = layout.sketch.partials * layout.prototype_blocks * problem.sketch_partial_bytes;
    layout.backward_partial_bytes = layout.parts == 1 ? 0 : layout.parts * layout.prototype_blocks * problem.prototype_gradient_partial_bytes;
    layout.explanation = "sm80_token_lse: 64 tokens a block over all prototypes.\nsm80_sketch: " + std::to_string(layout.sketch.spans.size()) +
                         " spans of at most " + std::to_string(layout.sketch.longest) + " tokens for " + std::to_string(layout.prototype_blocks) +
                         " blocks of 64 prototypes, merged in their order by the last to arrive.\nsm80_token_gradients: " +
                         std::to_string(layout.token_gradients.spans.size()) + " tiles of tokens over all prototypes, twice.\nsm80_prototype_gradient: " + std::to_string(layout.parts) +
                         " parts of all tokens for each block of prototypes.";
    return layout;
}

}  // namespace lsk
