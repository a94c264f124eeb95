// Launches one product of one storage type; each type has a file of its own, so that they compile side by side.
#pragma once
#include "kernels/linear/sm80_product.cuh"

namespace lsk::linear {

template <class Element, Product product>
cudaError_t launch_one(const char* name, const ProductParams& params, cudaStream_t stream) {
    using C = Config<Element, product>;
    const int row_tiles = (params.rows + C::rows - 1) / C::rows, column_tiles = (params.columns + C::columns - 1) / C::columns;
    return launch(name, product_kernel<Element, product>, dim3(static_cast<unsigned>(int64_t(row_tiles) * column_tiles), static_cast<unsigned>(params.splits)),
                  dim3(threads), sizeof(SharedMemory<C>), stream, params, column_tiles);
}

template <class Element>
cudaError_t launch_product_of(Product product, const ProductParams& params, cudaStream_t stream) {
    switch (product) {
    case Product::forward: return launch_one<Element, Product::forward>("linear_forward", params, stream);
    case Product::input_gradient: return launch_one<Element, Product::input_gradient>("linear_input_gradient", params, stream);
    default: return launch_one<Element, Product::weight_gradient>("linear_weight_gradient", params, stream);
    }
}

cudaError_t launch_product_fp32(Product product, const ProductParams& params, cudaStream_t stream);
cudaError_t launch_product_bf16(Product product, const ProductParams& params, cudaStream_t stream);
cudaError_t launch_product_fp16(Product product, const ProductParams& params, cudaStream_t stream);

}  // namespace lsk::linear
