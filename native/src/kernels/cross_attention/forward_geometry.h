// The geometry of the forward kernels: what plans and kernels agree on. Plain C++, no CUDA.
#pragma once
#include <cstdint>

namespace lsk {

// What one block does for one row tile: its rows against the tokens [token_begin, token_end) of their history. The rows of a problem (a segment and
// a key/value head) are numbered 0, 1, ... over its targets, their queries and the heads that share the key/value head; see RowMap.
struct AttentionWork {
    int64_t query_row;       // row of the queries [.., H] that row 0 of the problem reads
    int64_t output_row;      // row of the output [T, nq, H] that row 0 of the problem writes
    int64_t history_row;     // first row of the segment's history
    int64_t first_target;    // the segment's first target, for limits
    int32_t first_row;       // the tile's rows: [first_row, first_row + rows) of the problem
    int32_t rows;
    int32_t history_length;  // tokens of the segment
    int32_t token_begin;     // the work's tokens, relative to the segment; none for an empty history
    int32_t token_end;
    int32_t key_value_head;
    int32_t split;           // which part of the row tile's tokens this is, of how many
    int32_t splits;
    int32_t first_partial;   // where the row tile's partial states begin in the workspace, counted in states; splits > 1 only
    int32_t ticket;          // the row tile's ticket; splits > 1 only
};

// How a block's warps are arranged. A row warp takes row_tiles x 16 rows; token groups of row_warps warps take turns at the slices of the history, each
// with its own ring of stages; at the end of a work the groups' states are merged.
struct ForwardArrangement {
    int32_t row_warps;
    int32_t token_groups;  // a power of two
    int32_t stages;        // of each group's ring, 2 to max_stages
};

// The compiled variants: streams (slices of 16 tokens: many groups with rings of their own, for few rows) and tiles (longer slices, for many).
// wide16: a kernel of its own, for shared history of more than 256 columns.
enum class ForwardVariant { stream16, stream32, tiles16, tiles32, wide16 };  // number: rows of a warp

namespace forward {

constexpr int max_stages = 8;
constexpr int max_threads = 256;
constexpr int max_width = 256;
constexpr int max_wide_width = 1024;
constexpr int wide_warps = 8;   // each takes an eighth of the columns
constexpr int wide_slice = 16;  // tokens

constexpr int row_tiles(ForwardVariant v) { return v == ForwardVariant::stream32 || v == ForwardVariant::tiles32 ? 2 : 1; }

// The width a kernel is compiled for: columns up to it are zeros in shared memory.
constexpr int padded_width(int width) { return width <= 32 ? 32 : width <= 64 ? 64 : width <= 128 ? 128 : width <= 256 ? 256 : width <= 512 ? 512 : 1024; }

// Tokens of a slice. Longer slices amortise barriers; the logits of rows x slice and the output of rows x width share the registers.
constexpr int slice_tokens(ForwardVariant v, int row_bytes) {
    if (v == ForwardVariant::stream16 || v == ForwardVariant::stream32 || v == ForwardVariant::wide16) return 16;
    return row_bytes <= 128 ? 64 : 32;
}

// Two rows tiles of a warp need 2 x width / 2 registers for the output alone: not at full width, and not where fp32 factors take two registers each.
constexpr bool has_variant(ForwardVariant v, int element_bytes, int padded) {
    if (v == ForwardVariant::wide16 || padded > max_width) return v == ForwardVariant::wide16 && padded > max_width;
    return row_tiles(v) == 1 || (element_bytes == 2 && padded <= 128);
}

// The variants compiled for histories of codes: one for few rows and one for many, so that every token is decoded for as many rows as fit.
constexpr bool has_encoded_variant(ForwardVariant v, int element_bytes, int padded) {
    if (padded > max_width) return v == ForwardVariant::wide16;
    const ForwardVariant tiles = has_variant(ForwardVariant::tiles32, element_bytes, padded) ? ForwardVariant::tiles32 : ForwardVariant::tiles16;
    return v == ForwardVariant::stream16 || v == tiles;
}

// A state in flight (between groups, or between the splits of a row tile): for each 16 rows of a warp, the output accumulators and the lane's
// (top, sum) of rows g and g + 8, as vectors of 4 floats, lane by lane.
constexpr int state_vectors(int row_tiles, int padded) { return row_tiles * (padded / 8 + 1) * 32; }

// Output rows pass through shared memory, 64 columns at a time, so that they leave as whole lines. The pitch lays the pairs that a warp writes (8 rows of
// 4 lanes; of fp32 4 rows at a time) side by side in the banks.
constexpr int staged_columns(int padded) { return padded < 64 ? padded : 64; }
constexpr int staging_pitch(int columns, int element_bytes) { return columns * element_bytes + (element_bytes == 4 ? 32 : 16); }

// Byte offsets in a block's shared memory.
struct SharedMap {
    int32_t queries;      // the row tile
    int32_t ring;         // token_groups x stages x (keys, values, bias)
    int32_t group_bytes;
    int32_t stage_bytes;
    int32_t value_offset;  // within a stage; 0 where one tile serves both
    int32_t bias_offset;
    int32_t exchange;      // on top of the ring, once a work's tokens are done: states between groups
    int32_t staging;       // likewise: output rows
    int32_t bytes;
};

// What lies over the ring once a work's tokens are done.
constexpr int exchanged_bytes(ForwardVariant variant, const ForwardArrangement& a, int padded) {
    const int exchange = a.token_groups / 2 * a.row_warps * state_vectors(row_tiles(variant), padded) * 16;
    const int staging = a.row_warps * 16 * staging_pitch(staged_columns(padded), 4);
    return exchange > staging ? exchange : staging;
}

constexpr SharedMap shared_map(ForwardVariant variant, const ForwardArrangement& a, int padded, int element_bytes, bool shared_history) {
    const int row_bytes = padded * element_bytes, slice = slice_tokens(variant, row_bytes), rows = a.row_warps * row_tiles(variant) * 16;
    SharedMap m{};
    m.queries = 0;
    m.ring = rows * row_bytes;
    m.value_offset = shared_history ? 0 : slice * row_bytes;
    m.bias_offset = m.value_offset + slice * row_bytes;
    m.stage_bytes = m.bias_offset + (slice * 4 + 127) / 128 * 128;
    m.group_bytes = a.stages * m.stage_bytes;
    m.exchange = m.ring;
    m.staging = m.ring;
    const int ring_bytes = a.token_groups * m.group_bytes, over = exchanged_bytes(variant, a, padded);
    m.bytes = m.ring + (ring_bytes > over ? ring_bytes : over);
    return m;
}

// The map for a history of codes: a token group decodes each slice into one of two tiles while it computes on the other, and the stages of its ring hold
// the codes and scales of slices as they lie in memory.
struct EncodedMap {
    SharedMap attention;  // stages: codes of keys, codes of values, scales, bias; value_offset is that within a tile
    int32_t tiles;        // token_groups x 2 x (keys, values)
    int32_t tile_bytes;
    int32_t row_bytes;    // from a row of codes to the next
    int32_t value_codes;  // within a stage; 0 where one row serves both
    int32_t key_scales;
    int32_t value_scales;
};

// Of a ring of codes: one is decoded, one arrives, and where tiles are decoded a turn ahead the bias of a third is in use.
constexpr int least_encoded_stages(ForwardVariant v) { return v == ForwardVariant::wide16 ? 2 : 3; }

constexpr EncodedMap encoded_map(ForwardVariant variant, const ForwardArrangement& a, int padded, int element_bytes, bool shared_history, int code_bits) {
    const int slice = slice_tokens(variant, padded * element_bytes), tensors = shared_history ? 1 : 2;
    const SharedMap plain = shared_map(variant, a, padded, element_bytes, shared_history);
    EncodedMap m{};
    m.attention = plain;
    m.tiles = plain.ring;
    m.tile_bytes = tensors * slice * padded * element_bytes;
    m.row_bytes = padded * code_bits / 8;
    m.value_codes = (tensors - 1) * slice * m.row_bytes;
    m.key_scales = tensors * slice * m.row_bytes;
    m.value_scales = m.key_scales + (tensors - 1) * slice * 4;
    m.attention.bias_offset = m.key_scales + tensors * slice * 4;
    m.attention.stage_bytes = (m.attention.bias_offset + slice * 4 + 127) / 128 * 128;
    m.attention.group_bytes = a.stages * m.attention.stage_bytes;
    m.attention.ring = m.tiles + a.token_groups * 2 * m.tile_bytes;
    const int ring_end = m.attention.ring + a.token_groups * m.attention.group_bytes, over = exchanged_bytes(variant, a, padded);
    m.attention.bytes = ring_end > m.tiles + over ? ring_end : m.tiles + over;
    return m;
}

// Likewise for the wide kernel: stages of a slice of X and its bias, then the parts of a slice's logits. Queries pass through the first stage, output
// rows through all of them.
struct WideMap {
    int32_t stage_bytes;
    int32_t bias_offset;  // within a stage
    int32_t exchange;
    int32_t bytes;
};

constexpr int exchanged_wide_bytes() { return wide_warps * 16 * wide_slice * 4; }
constexpr int staged_wide_bytes(int padded) { return wide_warps * 16 * staging_pitch(staged_columns(padded / wide_warps), 4); }

constexpr WideMap wide_map(int stages, int padded, int element_bytes) {
    WideMap m{};
    m.bias_offset = wide_slice * padded * element_bytes;
    m.stage_bytes = m.bias_offset + 128;
    m.exchange = stages * m.stage_bytes;
    const int exchange_end = m.exchange + exchanged_wide_bytes(), staging_end = staged_wide_bytes(padded);
    m.bytes = exchange_end > staging_end ? exchange_end : staging_end;
    return m;
}

// And for a history of codes: the tile that slices are decoded into, then stages of codes, scales and bias.
struct WideEncodedMap {
    WideMap attention;  // stages: of the ring
    int32_t ring;
    int32_t row_bytes;
    int32_t scales;     // within a stage
};

constexpr WideEncodedMap wide_encoded_map(int stages, int padded, int element_bytes, int code_bits) {
    WideEncodedMap m{};
    m.ring = wide_slice * padded * element_bytes;
    m.row_bytes = padded * code_bits / 8;
    m.scales = wide_slice * m.row_bytes;
    m.attention.bias_offset = m.scales + wide_slice * 4;
    m.attention.stage_bytes = m.attention.bias_offset + wide_slice * 4;
    m.attention.exchange = m.ring + stages * m.attention.stage_bytes;
    const int exchange_end = m.attention.exchange + exchanged_wide_bytes(), staging_end = staged_wide_bytes(padded);
    m.attention.bytes = exchange_end > staging_end ? exchange_end : staging_end;
    return m;
}

// Warps that hold a state of their own in a row tile: those of different rows, or of different columns.
constexpr int state_warps(ForwardVariant v, const ForwardArrangement& a) { return v == ForwardVariant::wide16 ? wide_warps : a.row_warps; }
constexpr int state_width(ForwardVariant v, int padded) { return v == ForwardVariant::wide16 ? padded / wide_warps : padded; }

constexpr int shared_bytes(ForwardVariant v, const ForwardArrangement& a, int padded, int element_bytes, bool shared_history, int code_bits) {
    if (code_bits != 0 && v == ForwardVariant::wide16) return wide_encoded_map(a.stages, padded, element_bytes, code_bits).attention.bytes;
    if (code_bits != 0) return encoded_map(v, a, padded, element_bytes, shared_history, code_bits).attention.bytes;
    return v == ForwardVariant::wide16 ? wide_map(a.stages, padded, element_bytes).bytes : shared_map(v, a, padded, element_bytes, shared_history).bytes;
}

}  // namespace forward

struct ForwardLaunch {
    ForwardVariant variant;
    ForwardArrangement arrangement;
};

}  // namespace lsk
