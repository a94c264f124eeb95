// How matrix products are cut into blocks: tiles of the output, and splits of the depth where tiles alone do not fill the device.
#pragma once
#include <cstdint>
#include <string>
#include "plan/rates.h"

namespace lsk {

struct ProductLayout {
    int64_t tiles = 0;
    int splits = 1;
    int depth_per_split = 0;
    int64_t partials_bytes = 0;  // 0 without splits
};

// The tile is that of a block; `depth` of it is that of a pipeline stage.
ProductLayout product_layout(int64_t rows, int64_t columns, int64_t depth, int tile_rows, int tile_columns, int tile_depth, int multiprocessors);

// Cycles of the device by a count of multiplications and bytes: of our kernel, and of cuBLASLt, which has the warpgroup products of sm_90 but computes fp32
// on the ordinary units, as three TF32 products are not among its ways.
struct ProductCosts {
    double own, cublaslt;
    bool cublaslt_pays() const;
};

ProductCosts product_costs(const Chip& chip, const ProductLayout& layout, int64_t rows, int64_t columns, int64_t depth, int element_bytes);

std::string explain(const char* product, const ProductLayout& layout, int64_t rows, int64_t columns, int64_t depth);

}  // namespace lsk
