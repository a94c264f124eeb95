#include "plan/row_spans.h"
#include <algorithm>
#include <cmath>
#include "plan/splits.h"

namespace lsk {

RowSpans cut_into_spans(const int64_t* offsets, int64_t segments, int tile_rows, int64_t blocks, EmptySegments empty) {
    std::vector<int64_t> lengths;
    std::vector<int32_t> segment_of;
    for (int64_t segment = 0; segment < segments; segment++) {
        const int64_t rows = offsets[segment + 1] - offsets[segment];
        if (rows == 0 && empty == EmptySegments::skip) continue;
        lengths.push_back(rows);
        segment_of.push_back(static_cast<int32_t>(segment));
    }
    const Schedule schedule = split_evenly(lengths, {static_cast<int>(std::max<int64_t>(1, blocks)), tile_rows, 1, 1});
    RowSpans result;
    result.block_spans = schedule.block_pieces;
    for (const Piece& piece : schedule.pieces) {
        const int32_t segment = segment_of[static_cast<size_t>(piece.tile)];
        const auto group_size = static_cast<int32_t>(std::ceil(std::sqrt(double(piece.splits))));
        result.spans.push_back({offsets[segment] + piece.begin, piece.end - piece.begin, segment, piece.split, piece.splits, group_size, result.partials, result.tickets});
        result.longest = std::max(result.longest, piece.end - piece.begin);
        if (piece.splits == 1 || piece.split < piece.splits - 1) continue;
        result.partials += piece.splits;
        result.tickets += (piece.splits + group_size - 1) / group_size + 1;
    }
    return result;
}

}  // namespace lsk
