// Pieces of segments: the tables that a plan uploads.
#pragma once
#include <cstdint>

namespace lsk {

struct SegmentPiece {
    int64_t begin, end;  // rows
    int64_t segment_rows;
    int64_t partial;     // where its partial result goes, or -1: it is the whole segment
    int64_t segment;
};

struct SplitSegment {
    int64_t segment;
    int64_t segment_rows;
    int64_t first_partial;
    int64_t partials;
};

}  // namespace lsk
