#include "plan/segment_reduce.h"

#include <algorithm>

namespace lsk {

constexpr int64_t least_rows_per_piece = 256;  // below, a block's start costs more than its rows
constexpr int64_t most_rows_per_piece = int64_t(1) << 30;  // kernels count a piece's rows in 32 bits
constexpr int pieces_per_multiprocessor = 4;   // of a batch that fills the device

SegmentLayout segment_layout(const int64_t* offsets, int64_t segments, int multiprocessors) {
    SegmentLayout layout;
    const int64_t filling = int64_t(pieces_per_multiprocessor) * multiprocessors;
    layout.rows_per_piece = std::clamp((offsets[segments] + filling - 1) / filling, least_rows_per_piece, most_rows_per_piece);
    for (int64_t segment = 0; segment < segments; segment++) {
        const int64_t begin = offsets[segment], rows = offsets[segment + 1] - begin;
        const int64_t count = std::max<int64_t>(1, (rows + layout.rows_per_piece - 1) / layout.rows_per_piece);
        if (count > 1) layout.splits.push_back({segment, rows, layout.partials, count});
        for (int64_t i = 0; i < count; i++)
            layout.pieces.push_back({begin + rows * i / count, begin + rows * (i + 1) / count, rows, count > 1 ? layout.partials++ : -1, segment});
    }
    return layout;
}

std::string explain(const SegmentLayout& layout, int64_t segments, int width, const char* dtype, const char* reduction) {
    return std::string("sm80_segment_reduce ") + dtype + " " + reduction + ": " + std::to_string(segments) + " segments of rows of " + std::to_string(width) + " in " +
           std::to_string(layout.pieces.size()) + " pieces of at most " + std::to_string(layout.rows_per_piece) + " rows; " + std::to_string(layout.splits.size()) +
           " segments have several, merged in their order.";
}

}  // namespace lsk
