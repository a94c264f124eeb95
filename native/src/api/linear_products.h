// Matrix products with their plan: splits and the merge of their partials. Linear layers and gated FFNs are made of these.
#pragma once
#include <algorithm>
#include "api/cublaslt.h"
#include "api/run.h"
#include "kernels/linear/linear.h"
#include "plan/linear.h"

namespace lsk {

// What a product leaves: the output, or fp32 partials that the caller sums.
enum class ProductResult { output, partials };

// A product of a plan, fixed but for its tensors.
struct PlannedProduct {
    Product product = Product::forward;
    int rows = 0;
    int columns = 0;
    int depth = 0;
    int dtype = 0;
    ProductLayout layout;
    std::shared_ptr<const CublasltProduct> cublaslt;  // or null; takes the place of our kernel where the tensors suit it
    std::string choice;                               // why

    PlannedProduct() = default;
    PlannedProduct(Product which, int row_count, int column_count, int depth_count, int type, lsk_context& context, ProductResult result = ProductResult::output);

    std::string explain() const;
    ProductParams params(const void* left, const void* right) const;
    // Of launch_partials(), and of launch().
    int64_t cublaslt_bytes() const { return cublaslt ? cublaslt->workspace_bytes() : 0; }
    int64_t scratch_bytes() const { return std::max(layout.partials_bytes, cublaslt_bytes()); }
    bool suits_cublaslt(const void* left, const void* right, const void* output) const;

private:
    void choose(lsk_context& context, ProductResult result);
};

// output (+)= left right (+ bias). `scratch` is workspace of scratch_bytes().
cudaError_t launch(const PlannedProduct& product, const void* left, const void* right, const void* bias, void* output, int add, float* scratch, cudaStream_t stream);

// The product in fp32, `layout.splits` partials of it; `add`: to what they hold. Sums over several products are merged by the caller at their end.
// `scratch` is workspace of cublaslt_bytes().
cudaError_t launch_partials(const PlannedProduct& product, const void* left, const void* right, float* partials, int add, float* scratch, cudaStream_t stream);

}  // namespace lsk
