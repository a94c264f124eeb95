// Matrix products with their plan: splits and the merge of their partials. Linear layers and gated FFNs are made of these.
#pragma once
#include "api/run.h"
#include "kernels/linear/linear.h"
#include "plan/linear.h"

namespace lsk {

// A product of a plan, fixed but for its tensors.
struct PlannedProduct {
    Product product = Product::forward;
    int rows = 0;
    int columns = 0;
    int depth = 0;
    int dtype = 0;
    ProductLayout layout;

    PlannedProduct() = default;
    PlannedProduct(Product which, int row_count, int column_count, int depth_count, int type, int multiprocessors);

    std::string explain() const;
    ProductParams params(const void* left, const void* right) const;
};

// output (+)= left right (+ bias). `partials` is workspace of layout.partials_bytes.
cudaError_t launch(const PlannedProduct& product, const void* left, const void* right, const void* bias, void* output, int add, float* partials, cudaStream_t stream);

// The product in fp32, `layout.splits` partials of it; `add`: to what they hold. Sums over several products are merged by the caller at their end.
cudaError_t launch_partials(const PlannedProduct& product, const void* left, const void* right, float* partials, int add, cudaStream_t stream);

}  // namespace lsk
