#include "api/linear_products.h"

#include "kernels/reduction/reduction.h"

namespace lsk {

PlannedProduct::PlannedProduct(Product which, int row_count, int column_count, int depth_count, int type, int multiprocessors)
    : product(which), rows(row_count), columns(column_count), depth(depth_count), dtype(type) {
    const ProductTile tile = product_tile(dtype);
    layout = product_layout(rows, columns, depth, tile.rows, tile.columns, tile.depth, multiprocessors);
    if (layout.tiles > INT32_MAX)
        throw Failure(LSK_UNSUPPORTED, "rows and widths need " + std::to_string(layout.tiles) + " blocks; at most " + std::to_string(INT32_MAX) + " are supported.");
}

std::string PlannedProduct::explain() const {
    const char* name = product == Product::forward ? "forward" : product == Product::input_gradient ? "input gradient" : "weight gradient";
    return lsk::explain(name, layout, rows, columns, depth);
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

cudaError_t launch(const PlannedProduct& product, const void* left, const void* right, const void* bias, void* output, int add, float* partials, cudaStream_t stream) {
    ProductParams params = product.params(left, right);
    const int64_t elements = int64_t(product.rows) * product.columns;
    if (product.layout.splits == 1) {
        params.output = output;
        params.bias = bias;
        params.add = add;
        params.output_alignment = row_alignment(product.columns * dtype_bytes(product.dtype), {output, bias});
        return launch_product(product.product, params, stream);
    }
    const cudaError_t error = launch_partials(product, left, right, partials, 0, stream);
    if (error != cudaSuccess) return error;
    return launch_partial_sums({partials, output, elements, elements, params.splits, product.dtype, add, bias, product.columns}, stream);
}

cudaError_t launch_partials(const PlannedProduct& product, const void* left, const void* right, float* partials, int add, cudaStream_t stream) {
    ProductParams params = product.params(left, right);
    params.partials = partials;
    params.add = add;
    params.output_alignment = row_alignment(product.columns * int64_t(4), {partials});
    return launch_product(product.product, params, stream);
}

}  // namespace lsk
