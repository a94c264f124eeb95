// Tiles in shared memory: rows of `Width` elements, cut into 16-byte chunks that are exchanged within a row by an XOR with the row number, so that
// the eight rows an ldmatrix reads at one chunk lie in eight different bank groups. Rows narrower than the tile, and rows past the end, are zeros.
#pragma once
#include "device/ptx.cuh"
#include "device/row_alignment.h"

namespace lsk {

template <class Element, int Width>
struct TileLayout {
    static constexpr int width = Width;
    static constexpr int chunk_elements = 16 / int(sizeof(Element));
    static constexpr int row_bytes = Width * int(sizeof(Element));
    static constexpr int chunks = row_bytes / 16;
    static_assert(chunks == 4 || chunks % 8 == 0, "rows of 64 bytes or of whole 128-byte lines");

    // Byte offset of a chunk. Rows of 64 bytes share a 128-byte line in pairs, which therefore take the same exchange.
    static LSK_DEVICE uint32_t offset(int row, int chunk) {
        const int exchanged = chunks == 4 ? chunk ^ (row >> 1 & 3) : chunk ^ (row & 7);
        return static_cast<uint32_t>(row * row_bytes + exchanged * 16);
    }

    // From the offset of a place in chunk 0 or 1 to that `rows` (a multiple of 8) further down and `chunks` (even) further right. With constant arguments
    // an exclusive-or and an immediate: lanes compute their place once, and a whole tile is addressed from four registers.
    static LSK_DEVICE uint32_t advance(uint32_t offset, int rows, int chunks_right) {
        return (offset ^ static_cast<uint32_t>((chunks_right & 6) * 16)) + static_cast<uint32_t>(chunks_right / 8 * 128 + rows * row_bytes);
    }

    // Byte offset of an element.
    static LSK_DEVICE uint32_t element_offset(int row, int column) {
        return offset(row, column / chunk_elements) + static_cast<uint32_t>(column % chunk_elements * int(sizeof(Element)));
    }
};

template <class Element>
struct RowSource {
    const Element* first;    // row 0
    int64_t stride;          // elements from one row to the next
    int width;               // elements of a row, at most the tile's
    RowAlignment alignment;
};

// Starts copying rows [0, tile_rows) of a tile; rows from `valid_rows` on and columns from the source's width on become zeros, and are not read.
// `threads` is a multiple of 32. With RowAlignment::chunks the copies are asynchronous (commit and wait for them); else they are done when it returns. `row_of` maps a tile row to a source row.
template <class Layout, class Element, class RowOf>
LSK_DEVICE void load_tile(std::byte* tile, const RowSource<Element>& source, int tile_rows, int valid_rows, int thread, int threads, RowOf row_of) {
    if (source.alignment == RowAlignment::chunks) {
        const uint32_t to = ptx::shared_address(tile);
        constexpr int lanes = Layout::chunks < 32 ? Layout::chunks : 32;  // side by side in a row; a thread's chunks are the same in all its rows
        LSK_ROLLED for (int row = thread / lanes; row < tile_rows; row += threads / lanes) {
            const Element* const from = source.first + (row < valid_rows ? row_of(row) * source.stride : 0);
            LSK_UNROLL for (int chunk = thread % lanes; chunk < Layout::chunks; chunk += lanes) {
                const bool inside = row < valid_rows && chunk * Layout::chunk_elements < source.width;
                ptx::cp_async16(to + Layout::offset(row, chunk), inside ? from + chunk * Layout::chunk_elements : source.first, inside);
            }
        }
    } else {
        LSK_ROLLED for (int i = thread; i < tile_rows * Layout::width; i += threads) {
            const int row = i / Layout::width, column = i % Layout::width;
            const bool inside = row < valid_rows && column < source.width;
            auto* to = reinterpret_cast<Element*>(tile + Layout::element_offset(row, column));
            *to = inside ? source.first[row_of(row) * source.stride + column] : Element{};
        }
    }
}

struct SameRow {
    LSK_DEVICE int64_t operator()(int row) const { return row; }
};

template <class Layout, class Element>
LSK_DEVICE void load_tile(std::byte* tile, const RowSource<Element>& source, int tile_rows, int valid_rows, int thread, int threads) {
    load_tile<Layout>(tile, source, tile_rows, valid_rows, thread, threads, SameRow{});
}

}  // namespace lsk
