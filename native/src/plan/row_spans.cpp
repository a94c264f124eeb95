#include "plan/row_spans.h"
#include <algorithm>
#include <cmath>

namespace lsk {

static int64_t ceil_divide(int64_t dividend, int64_t divisor) { return (dividend + divisor - 1) / divisor; }

static int64_t count_tiles(const int64_t* offsets, int64_t segments, int tile_rows) {
    int64_t tiles = 0;
    for (int64_t i = 0; i < segments; i++) tiles += ceil_divide(offsets[i + 1] - offsets[i], tile_rows);
    return tiles;
}

RowSpans cut_into_spans(const int64_t* offsets, int64_t segments, int tile_rows, int64_t wanted, EmptySegments empty) {
    RowSpans result;
    const int64_t fair_share = std::max<int64_t>(1, ceil_divide(count_tiles(offsets, segments, tile_rows), std::max<int64_t>(1, wanted)));
    for (int64_t segment = 0; segment < segments; segment++) {
        const int64_t rows = offsets[segment + 1] - offsets[segment];
        if (rows == 0 && empty == EmptySegments::skip) continue;
        const int64_t tiles = ceil_divide(rows, tile_rows);
        const auto splits = static_cast<int32_t>(std::max<int64_t>(1, ceil_divide(tiles, fair_share)));
        const auto group_size = static_cast<int32_t>(std::ceil(std::sqrt(double(splits))));
        for (int32_t split = 0; split < splits; split++) {
            const int64_t first = tiles * split / splits * tile_rows, last = std::min(rows, tiles * (split + 1) / splits * tile_rows);
            result.spans.push_back({offsets[segment] + first, last - first, static_cast<int32_t>(segment), split, splits, group_size, result.partials, result.tickets});
            result.longest = std::max(result.longest, last - first);
        }
        if (splits == 1) continue;
        result.partials += splits;
        result.tickets += static_cast<int32_t>(ceil_divide(splits, group_size)) + 1;
    }
    return result;
}

SpanParts cut_into_parts(const int64_t* offsets, int64_t segments, int tile_rows, int64_t wanted) {
    SpanParts result;
    const int64_t tiles = count_tiles(offsets, segments, tile_rows), parts = std::clamp<int64_t>(wanted, 1, std::max<int64_t>(1, tiles));
    int64_t segment = 0, row = segments > 0 ? offsets[0] : 0, tile = 0;
    for (int64_t part = 0; part < parts; part++) {
        result.first_spans.push_back(static_cast<int32_t>(result.spans.size()));
        for (int64_t left = tiles * (part + 1) / parts - tile; left > 0;) {
            while (row == offsets[segment + 1]) segment++;
            const int64_t taken = std::min(left, ceil_divide(offsets[segment + 1] - row, tile_rows)), rows = std::min(offsets[segment + 1] - row, taken * tile_rows);
            result.spans.push_back({row, rows, static_cast<int32_t>(segment), 0, 1, 1, 0, 0});
            row += rows;
            tile += taken;
            left -= taken;
        }
    }
    result.first_spans.push_back(static_cast<int32_t>(result.spans.size()));
    return result;
}

}  // namespace lsk
