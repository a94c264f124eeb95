// How a ragged tensor is cut into pieces that blocks reduce on their own: long segments into several, whose results are merged in their order.
#pragma once
#include <cstdint>
#include <string>
#include <vector>
#include "kernels/segment_reduce/segment_pieces.h"

namespace lsk {

struct SegmentLayout {
    std::vector<SegmentPiece> pieces;  // every segment has at least one, empty ones too
    std::vector<SplitSegment> splits;  // segments of several pieces
    int64_t partials = 0;              // pieces that leave a partial result
    int64_t rows_per_piece = 0;
};

SegmentLayout segment_layout(const int64_t* offsets, int64_t segments, int multiprocessors);

std::string explain(const SegmentLayout& layout, int64_t segments, int width, const char* dtype, const char* reduction);

}  // namespace lsk
