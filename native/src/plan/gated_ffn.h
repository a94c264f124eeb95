// How a gated FFN runs through matrix products: rows in blocks whose hidden rows stay in L2, and where everything lies in the workspace.
#pragma once
#include <cstdint>
#include <string>

namespace lsk {

// Rows at a time: enough tiles of hidden rows to fill the device several times, a multiple of a tile.
int gated_ffn_block_rows(int64_t rows, int hidden_width, int tile_rows, int tile_columns, int multiprocessors);

// Hands out pieces of a workspace, aligned so that they can be read 16 bytes at a time.
class WorkspacePieces {
public:
    explicit WorkspacePieces(int64_t begin) : end_(begin) {}

    // Offset of a piece.
    int64_t take(int64_t bytes) {
        const int64_t offset = end_;
        end_ += (bytes + alignment - 1) / alignment * alignment;
        return offset;
    }
    int64_t end() const { return end_; }

private:
    static constexpr int64_t alignment = 256;
    int64_t end_;
};

}  // namespace lsk
