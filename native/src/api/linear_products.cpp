#include "api/linear_products.h"

#include <cstdio>
#include "kernels/reduction/reduction.h"

namespace lsk {

constexpr int chunk_bytes = 16;

PlannedProduct::PlannedProduct(Product which, int row_count, int column_count, int depth_count, int type, lsk_context& context, ProductResult result)
    : product(which), rows(row_count), columns(column_count), depth(depth_count), dtype(type) {
    const ProductTile tile = product_tile(dtype);
    layout = product_layout(rows, columns, depth, tile.rows, tile.columns, tile.depth, context.multiprocessors);
    if (layout.tiles > INT32_MAX)
        throw Failure(LSK_UNSUPPORTED, "rows and widths need " + std::to_string(layout.tiles) + " blocks; at most " + std::to_string(INT32_MAX) + " are supported.");
    choose(context, result);
}

void PlannedProduct::choose(lsk_context& context, ProductResult result) {
    const int element = static_cast<int>(dtype_bytes(dtype));
    const Chip chip{context.compute_capability, context.multiprocessors, context.shared_memory_per_block};
    const ProductCosts costs = product_costs(chip, layout, rows, columns, depth, element);
    char counted[80];
    std::snprintf(counted, sizeof counted, "%.3g cycles against %.3g", costs.own, costs.cublaslt);
    const bool whole_chunks = rows * element % chunk_bytes == 0 && columns * element % chunk_bytes == 0 && depth * element % chunk_bytes == 0;
    if (!costs.cublaslt_pays() || !whole_chunks) {
        choice = std::string("our kernel, ") + (costs.cublaslt_pays() ? "as rows are not whole chunks of 16 bytes" : std::string(counted) + " of cuBLASLt");
        return;
    }
    std::string why_not;
    if (const std::shared_ptr<const Cublaslt> library = context.cublaslt(why_not))
        cublaslt = CublasltProduct::plan(library, product, rows, columns, depth, dtype, result == ProductResult::output ? dtype : LSK_FLOAT32, why_not);
    choice = cublaslt ? cublaslt->explain() + ": our kernel " + counted : "our kernel: " + why_not;
    // It splits the depth by itself, and leaves one partial.
    if (cublaslt && result == ProductResult::partials) layout = {layout.tiles, 1, (depth + product_tile(dtype).depth - 1) / product_tile(dtype).depth * product_tile(dtype).depth, 0};
}

bool PlannedProduct::suits_cublaslt(const void* left, const void* right, const void* output) const {
    return cublaslt && cublaslt->has_sizes(rows, columns, depth) && row_alignment(chunk_bytes, {left, right, output}) == RowAlignment::chunks;
}

std::string PlannedProduct::explain() const {
    const char* name = product == Product::forward ? "forward" : product == Product::input_gradient ? "input gradient" : "weight gradient";
    return lsk::explain(name, layout, rows, columns, depth) + "; " + choice;
}

ProductParams PlannedProduct::params(const void* left, const void* right) const {
    const int64_t bytes = dtype_bytes(dtype);
    ProductParams params{};
    params.left = left;
    params.right = right;
    params.rows = rows;
    params.columns = columns;
    params.depth = depth;
    params.splits = layout.splits;
    params.depth_per_split = layout.depth_per_split;
    params.dtype = dtype;
    params.left_alignment = row_alignment((product == Product::weight_gradient ? rows : depth) * bytes, {left});
    params.right_alignment = row_alignment((product == Product::input_gradient ? depth : columns) * bytes, {right});
    return params;
}

// One launch of cuBLASLt, which reports a status of its own.
static cudaError_t launch_cublaslt(const PlannedProduct& product, const void* left, const void* right, void* output, bool add, void* workspace, cudaStream_t stream) {
    if (const int status = product.cublaslt->run(left, right, output, add, workspace, stream))
        throw Failure(LSK_DEVICE_ERROR, "multiplying with " + product.cublaslt->explain() + " failed: status " + std::to_string(status) + " of cuBLASLt.");
    return cudaSuccess;
}

cudaError_t launch(const PlannedProduct& product, const void* left, const void* right, const void* bias, void* output, int add, float* scratch, cudaStream_t stream) {
    ProductParams params = product.params(left, right);
    const int64_t elements = int64_t(product.rows) * product.columns;
    // Added to what the output holds, a bias would be rounded twice: not so in our kernel.
    if (product.suits_cublaslt(left, right, output) && !(bias && add)) {
        if (bias) {
            const cudaError_t error = launch_partial_sums({scratch, output, elements, elements, 0, product.dtype, 0, bias, product.columns}, stream);
            if (error != cudaSuccess) return error;
        }
        return launch_cublaslt(product, left, right, output, bias || add, scratch, stream);
    }
    if (product.layout.splits == 1) {
        params.output = output;
        params.bias = bias;
        params.add = add;
        params.output_alignment = row_alignment(product.columns * dtype_bytes(product.dtype), {output, bias});
        return launch_product(product.product, params, stream);
    }
    params.partials = scratch;
    params.output_alignment = row_alignment(product.columns * int64_t(4), {scratch});
    const cudaError_t error = launch_product(product.product, params, stream);
    if (error != cudaSuccess) return error;
    return launch_partial_sums({scratch, output, elements, elements, params.splits, product.dtype, add, bias, product.columns}, stream);
}

cudaError_t launch_partials(const PlannedProduct& product, const void* left, const void* right, float* partials, int add, float* scratch, cudaStream_t stream) {
    if (product.suits_cublaslt(left, right, partials)) return launch_cublaslt(product, left, right, partials, add, scratch, stream);
    ProductParams params = product.params(left, right);
    params.partials = partials;
    params.add = add;
    params.output_alignment = row_alignment(product.columns * int64_t(4), {partials});
    return launch_product(product.product, params, stream);
}

}  // namespace lsk
