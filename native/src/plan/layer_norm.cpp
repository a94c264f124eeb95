#include "plan/layer_norm.h"

#include <algorithm>
#include "device/row_alignment.h"

namespace lsk {

constexpr int block_threads = 128;
constexpr int rows_worth_a_group = 8;  // a group of lanes that has fewer rows spends its time on the sums of its block
constexpr int blocks_per_multiprocessor = 4;

LayerNormLayout layer_norm_layout(int64_t rows, int width, int element_bytes, int multiprocessors, int summed_width, int column_parts) {
    LayerNormLayout layout;
    layout.lanes = lanes_per_row(int64_t(width) * element_bytes);
    const int64_t groups = block_threads / layout.lanes;
    const int64_t most = std::max<int64_t>(1, (rows + groups * rows_worth_a_group - 1) / (groups * rows_worth_a_group));
    layout.blocks = static_cast<int>(std::min<int64_t>(most, int64_t(blocks_per_multiprocessor) * multiprocessors));
    layout.summed_apart = width > summed_width;
    layout.parts = layout.summed_apart ? column_parts : layout.blocks;
    layout.partials_bytes = int64_t(layout.parts) * 2 * width * 4;
    layout.moments_bytes = layout.summed_apart ? rows * 12 : 0;
    return layout;
}

std::string explain(const LayerNormLayout& layout, int64_t rows, int width, const char* dtype) {
    std::string text = std::string("sm80_layer_norm ") + dtype + ": " + std::to_string(rows) + " rows of " + std::to_string(width) + ", " +
                       std::to_string(layout.lanes) + " lanes a row.\nBackward: " + std::to_string(layout.blocks) + " blocks; gradients of gain and bias ";
    text += layout.summed_apart ? "by a second pass in " + std::to_string(layout.parts) + " parts, as rows are wider than registers hold"
                                : std::string("in the same pass");
    return text + ", added up in the order of the parts.";
}

}  // namespace lsk
