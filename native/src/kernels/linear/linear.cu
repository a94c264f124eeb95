#include "kernels/by_element.h"
#include "kernels/linear/launch_product.cuh"

namespace lsk {

using namespace linear;

ProductTile product_tile(int dtype) {
    using Wide = Config<float, Product::forward>;
    using Half = Config<bf16, Product::forward>;
    return dtype == LSK_FLOAT32 ? ProductTile{Wide::rows, Wide::columns, Wide::depth} : ProductTile{Half::rows, Half::columns, Half::depth};
}

cudaError_t launch_product(Product product, const ProductParams& params, cudaStream_t stream) {
    if (params.rows == 0 || params.columns == 0) return cudaSuccess;
    switch (params.dtype) {
    case LSK_FLOAT32: return launch_product_fp32(product, params, stream);
    case LSK_BFLOAT16: return launch_product_bf16(product, params, stream);
    default: return launch_product_fp16(product, params, stream);
    }
}

}  // namespace lsk
