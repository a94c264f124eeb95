#include "plan/gated_ffn.h"

#include <algorithm>

namespace lsk {

constexpr int64_t waves = 4;  // of tiles over the device per block of rows
constexpr int64_t most_hidden_elements = int64_t(1) << 24;

int gated_ffn_block_rows(int64_t rows, int hidden_width, int tile_rows, int tile_columns, int multiprocessors) {
    const int64_t column_tiles = (hidden_width + tile_columns - 1) / tile_columns;
    const int64_t filling = (waves * multiprocessors + column_tiles - 1) / column_tiles;
    const int64_t bounded = std::max<int64_t>(1, most_hidden_elements / (int64_t(hidden_width) * tile_rows));
    const int64_t needed = (rows + tile_rows - 1) / tile_rows;
    return static_cast<int>(std::max<int64_t>(1, std::min({filling, bounded, needed})) * tile_rows);
}

}  // namespace lsk
