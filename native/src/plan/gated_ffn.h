// How a gated FFN runs through matrix products: rows in blocks whose hidden rows stay in L2, and where everything lies in the workspace.
//
// The backward has no fused kernel, for narrow rows either. With D = 128 and rD = 512 the gradients of the three weights are 768 KB in fp32, three times
// the registers of a multiprocessor: a kernel that makes them on chip owns a slice of hidden columns and streams all rows past it, while the gradient of the
// input needs all slices of a row. That is two kernels, each of which computes u, g and dh:
//
//     counted per row, in D rD multiplications and bytes of L2          products    fused
//     u, g, dh; dWu, dWv, dWo; dx                                        3 + 3 + 2   (3 + 3) + (3 + 2)
//     hidden rows (u, g, h, dh, du, dg: written and read, half-width)    12 rD 2     -
//     x and dz for every slice of 32 columns                             -           rD / 32 x 2 D 2
//     the weights for every tile of 128 rows                             3 D rD 2 / 128 each
//
// For D = 128 and rD = 512 that is 12 KB against 8 + 3 KB of L2, which at 5 TB/s is worth 0.2 ns a row, for 3 D rD more multiplications, which at 400 TFLOP/s
// cost 1 ns. Only weights that fit the registers whole (D = 64, rD = 128: 96 KB) would have it better, and those rows are cheap in any case.
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
