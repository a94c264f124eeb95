// The geometry of the backward kernels: what plans and kernels agree on. Plain C++, no CUDA.
#pragma once
#include "kernels/cross_attention/forward_geometry.h"

namespace lsk {

// What one block does: rows of a problem against a span of its tokens.
struct BackwardWork {
    AttentionWork attention;
    int32_t visible_end;     // tokens from here on are seen by none of the segment's rows: their gradients are zeros and their values are not read
    int32_t part;            // broadcast queries only: which of the partial query gradients this is
    int32_t whole;           // 1: its rows are all rows of the problem, and with them the history's gradients are complete
};

namespace backward {

// Rows are taken in chunks: the scores of a warp's 16 tokens and a chunk fit its registers, and a chunk without rows costs nothing.
constexpr int chunk_rows = 32;
constexpr int warp_tokens = 16;

// The row-resident kernel: the row tile stays, the tokens stream past. Its query gradient lives in registers, rows x width / threads: four warps have that
// of 64 rows (fp32: 32), and there are one or two such groups. Each warp has 16 tokens of a tile.
constexpr int group_warps = 4;
constexpr int group_rows(int element_bytes) { return element_bytes == 2 ? 64 : 32; }
constexpr int most_row_groups = 2;
constexpr int resident_tokens(int row_groups) { return row_groups * group_warps * warp_tokens; }

// The token-stationary kernel: the token tile stays, the rows stream past.
constexpr int token_warps_most = 8;

constexpr int max_stages = 4;

// Rows up to this width are whole in shared memory. Wider ones are cut into slices of columns, a block each, which makes the gradients of its own columns; for
// the scores it goes through the columns of the others as well, a strip at a time.
constexpr int widest_whole(int element_bytes) { return element_bytes == 2 ? 256 : 128; }
constexpr int slice_width = 128;
constexpr int widest = 1024;
constexpr int slices(int width, int element_bytes) { return width <= widest_whole(element_bytes) ? 1 : (width + slice_width - 1) / slice_width; }
constexpr int padded_width(int width, int element_bytes) {
    return slices(width, element_bytes) > 1 ? slice_width : width <= 64 ? 64 : width <= 128 ? 128 : 256;
}
constexpr int strip_bytes = 128;  // of a row

// Strips of keys, values, queries and output gradients.
constexpr int strips_bytes(int tokens, bool sliced) { return sliced ? (2 * tokens + 2 * chunk_rows) * strip_bytes : 0; }

struct ResidentArrangement {
    int32_t row_groups;      // of group_warps warps and group_rows rows each, 1 or 2
    int32_t row_capacity;    // rows of the tile in shared memory, a multiple of chunk_rows
    int32_t stages;          // of the token ring, 1 or 2
};

struct TokenArrangement {
    int32_t warps;           // 4 or 8
    int32_t stages;          // of the ring of row chunks, 1 to max_stages
};

// Per row of a tile: its LSE (or 1 / divisor), delta, and the number of tokens it sees.
constexpr int statistics_bytes(int rows) { return rows * 12; }

// Byte offsets in shared memory.
struct ResidentMap {
    int32_t queries;
    int32_t output_gradients;
    int32_t score_gradients;  // dS, [tokens, rows]
    int32_t statistics;
    int32_t ring;             // stages of (keys, values); history gradients leave through the stage that held the tokens
    int32_t stage_bytes;
    int32_t value_offset;     // within a stage; 0 where one tile serves both
    int32_t strips;           // of slices
    int32_t bytes;
};

constexpr ResidentMap resident_map(const ResidentArrangement& a, int width, int element_bytes, bool shared_history) {
    const int row_bytes = padded_width(width, element_bytes) * element_bytes, tokens = resident_tokens(a.row_groups);
    ResidentMap m{};
    m.queries = 0;
    m.output_gradients = a.row_capacity * row_bytes;
    m.score_gradients = 2 * a.row_capacity * row_bytes;
    m.statistics = m.score_gradients + tokens * a.row_groups * group_rows(element_bytes) * element_bytes;
    m.ring = (m.statistics + statistics_bytes(a.row_capacity) + 127) / 128 * 128;
    m.value_offset = shared_history ? 0 : tokens * row_bytes;
    m.stage_bytes = m.value_offset + tokens * row_bytes;
    m.strips = m.ring + a.stages * m.stage_bytes;
    m.bytes = m.strips + strips_bytes(tokens, slices(width, element_bytes) > 1);
    return m;
}

struct TokenMap {
    int32_t keys;
    int32_t values;           // the keys' where one tile serves both
    int32_t ring;             // stages of (queries, output gradients, statistics)
    int32_t stage_bytes;
    int32_t output_gradient_offset;
    int32_t statistics_offset;
    int32_t strips;           // of slices
    int32_t bytes;
};

constexpr TokenMap token_map(const TokenArrangement& a, int width, int element_bytes, bool shared_history) {
    const int row_bytes = padded_width(width, element_bytes) * element_bytes, tile_bytes = a.warps * warp_tokens * row_bytes;
    TokenMap m{};
    m.keys = 0;
    m.values = shared_history ? 0 : tile_bytes;
    m.ring = m.values + tile_bytes;
    m.output_gradient_offset = chunk_rows * row_bytes;
    m.statistics_offset = 2 * chunk_rows * row_bytes;
    m.stage_bytes = m.statistics_offset + (statistics_bytes(chunk_rows) + 127) / 128 * 128;
    m.strips = m.ring + a.stages * m.stage_bytes;
    m.bytes = m.strips + strips_bytes(a.warps * warp_tokens, slices(width, element_bytes) > 1);
    return m;
}

}  // namespace backward
}  // namespace lsk
