// Matrix products of linear layers: what the host passes and what it may launch.
#pragma once
#include <cuda_runtime.h>
#include <cstdint>
#include "device/row_alignment.h"

namespace lsk {

// The products of a linear layer, each [rows, depth] times [depth, columns] over tensors as they are stored.
enum class Product {
    forward,         // x W:      x [rows, depth],  W [depth, columns]
    input_gradient,  // dy W^T:   dy [rows, depth], W [columns, depth]
    weight_gradient  // x^T dy:   x [depth, rows],  dy [depth, columns]
};

struct ProductParams {
    const void* left;     // x, dy, x
    const void* right;    // W, W, dy
    const void* bias;     // [columns] or null; without splits
    void* output;         // [rows, columns] of dtype; without partials
    float* partials;      // [splits, rows, columns], or null
    int rows;
    int columns;
    int depth;
    int splits;           // of the depth, one partial each; 1 without partials
    int depth_per_split;  // a multiple of the depth of a stage
    int dtype;
    int add;              // 1: added to what output or partials hold
    RowAlignment left_alignment;
    RowAlignment right_alignment;
    RowAlignment output_alignment;  // of output and bias, or of partials
};

// Tile of a block, and the depth of one stage of its pipeline; plans count blocks with it.
struct ProductTile {
    int rows, columns, depth;
};

ProductTile product_tile(int dtype);

cudaError_t launch_product(Product product, const ProductParams& params, cudaStream_t stream);

}  // namespace lsk
