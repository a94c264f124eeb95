#include "kernels/linear/launch_product.cuh"

namespace lsk::linear {

cudaError_t launch_product_bf16(Product product, const ProductParams& params, cudaStream_t stream) { return launch_product_of<bf16>(product, params, stream); }

}  // namespace lsk::linear
