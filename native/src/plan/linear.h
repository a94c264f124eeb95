// How matrix products are cut into blocks: tiles of the output, and splits of the depth where tiles alone do not fill the device.
#pragma once
#include <cstdint>
#include <string>

namespace lsk {

struct ProductLayout {
    int64_t tiles = 0;
    int splits = 1;
    int depth_per_split = 0;
    int64_t partials_bytes = 0;  // 0 without splits
};

// The tile is that of a block; `depth` of it is that of a pipeline stage.
ProductLayout product_layout(int64_t rows, int64_t columns, int64_t depth, int tile_rows, int tile_columns, int tile_depth, int multiprocessors);

std::string explain(const char* product, const ProductLayout& layout, int64_t rows, int64_t columns, int64_t depth);

}  // namespace lsk
