// Cuts the rows of ragged segments into spans of about equal cost. A segment of several spans has its partial results merged in their order, in two
// levels: the last block of a group to arrive sums the group, the last group sums the groups.
#pragma once
#include <cstdint>
#include <vector>

namespace lsk {

struct RowSpan {
    int64_t first_row;
    int64_t rows;
    int32_t segment;
    int32_t split;          // this span among those of its segment
    int32_t splits;
    int32_t group_size;     // spans of a merge group
    int32_t first_partial;  // slot of the segment's first partial result
    int32_t first_ticket;   // of the segment's groups; the ticket of the groups themselves follows them
};

struct RowSpans {
    std::vector<RowSpan> spans;
    std::vector<int32_t> block_spans;  // [blocks + 1]: runs of spans of about equal cost, at most as many as were wanted
    int32_t partials = 0;
    int32_t tickets = 0;
    int64_t longest = 0;               // rows
};

enum class EmptySegments { skip, keep };

// Whole tiles of `tile_rows` rows (a segment's last one may be short) for `blocks` blocks. A span never crosses segments.
RowSpans cut_into_spans(const int64_t* offsets, int64_t segments, int tile_rows, int64_t blocks, EmptySegments empty);

}  // namespace lsk
