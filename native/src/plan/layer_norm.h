// How a layer norm runs: lanes per row, and where the gradients of gain and bias are summed.
#pragma once
#include <cstdint>
#include <string>

namespace lsk {

// What layer norms and what contains one (gated FFN) share.
struct LayerNormLayout {
    int lanes = 1;             // per row
    int blocks = 0;            // of the backward: equal spans of rows
    bool summed_apart = false; // rows too wide for the sums of gain and bias to stay in registers: a second pass over the rows makes them
    int parts = 0;             // of those sums: blocks, or parts of the second pass
    int64_t partials_bytes = 0;
    int64_t moments_bytes = 0;

    int64_t workspace_bytes() const { return partials_bytes + moments_bytes; }
};

// `summed_width` is the widest row whose sums stay in registers, `column_parts` what the second pass would split the rows into.
LayerNormLayout layer_norm_layout(int64_t rows, int width, int element_bytes, int multiprocessors, int summed_width, int column_parts);

std::string explain(const LayerNormLayout& layout, int64_t rows, int width, const char* dtype);

}  // namespace lsk
