#include "plan/linear.h"

#include <algorithm>
#include <cmath>

namespace lsk {

constexpr int stages_worth_a_split = 4;                     // fewer, and filling the pipeline and merging cost more than they save
constexpr int64_t most_partials_bytes = int64_t(256) << 20;

ProductLayout product_layout(int64_t rows, int64_t columns, int64_t depth, int tile_rows, int tile_columns, int tile_depth, int multiprocessors) {
    ProductLayout layout;
    layout.tiles = ((rows + tile_rows - 1) / tile_rows) * ((columns + tile_columns - 1) / tile_columns);
    const int64_t stages = (depth + tile_depth - 1) / tile_depth, output_bytes = std::max<int64_t>(1, rows * columns * 4);
    const int64_t filling = layout.tiles > 0 ? multiprocessors / layout.tiles : 1;
    const int64_t most = std::min({filling, stages / stages_worth_a_split, most_partials_bytes / output_bytes, int64_t(65535)});
    const int64_t splits = std::max<int64_t>(1, most), stages_per_split = std::max<int64_t>(1, (stages + splits - 1) / splits);
    layout.splits = static_cast<int>(std::max<int64_t>(1, (stages + stages_per_split - 1) / stages_per_split));
    layout.depth_per_split = static_cast<int>(stages_per_split * tile_depth);
    layout.partials_bytes = layout.splits > 1 ? layout.splits * rows * columns * 4 : 0;
    return layout;
}

bool ProductCosts::cublaslt_pays() const {
    constexpr double worth_the_trouble = 0.9;  // its launches cost the host more, and a bias is a launch of its own
    return cublaslt < worth_the_trouble * own;
}

ProductCosts product_costs(const Chip& chip, const ProductLayout& layout, int64_t rows, int64_t columns, int64_t depth, int element_bytes) {
    // What of the rate of products either sustains, and what the host takes longer to start cuBLASLt, two microseconds; assumed, not measured.
    constexpr double own_efficiency = 0.75, cublaslt_efficiency = 0.85, cublaslt_start = 3600;
    constexpr double warpgroup_products = 2048, cublaslt_blocks = 4;  // it has tiles of a quarter of ours
    const Rates rates = rates_of(chip, element_bytes);
    const double ordinary_products = chip.compute_capability == 80 ? 64 : 128;
    const double cublaslt_rate = element_bytes == 4 ? ordinary_products : chip.compute_capability >= 90 ? warpgroup_products : rates.products;
    const double products = double(rows) * double(columns) * double(depth), blocks = double(layout.tiles) * layout.splits;
    const double memory = (double(rows) * double(depth) + double(depth) * double(columns) + double(rows) * double(columns)) * element_bytes / rates.memory_bytes / chip.multiprocessors;
    if (products == 0) return {0, cublaslt_start};
    const auto waves_filled = [&](double count) { return count / std::ceil(count / chip.multiprocessors); };  // multiprocessors that work; the last wave is seldom full
    return {std::max(memory, products / (rates.products * own_efficiency * waves_filled(blocks))),
            cublaslt_start + std::max(memory, products / (cublaslt_rate * cublaslt_efficiency * waves_filled(cublaslt_blocks * blocks)))};
}

std::string explain(const char* product, const ProductLayout& layout, int64_t rows, int64_t columns, int64_t depth) {
    std::string text = std::string(product) + " [" + std::to_string(rows) + ", " + std::to_string(depth) + "] x [" + std::to_string(depth) + ", " + std::to_string(columns) +
                       "]: " + std::to_string(layout.tiles) + " tiles";
    return text + (layout.splits > 1 ? ", the depth in " + std::to_string(layout.splits) + " splits to fill the device, added up in their order" : std::string());
}

}  // namespace lsk
