// The plan of a gated FFN, and its runs: forward in one kernel where rows are narrow, else (and backward) by blocks of rows through matrix products.
#pragma once
#include "api/linear_products.h"
#include "plan/gated_ffn.h"
#include "plan/layer_norm.h"

namespace lsk {

// Offsets in the workspace; what a direction does not use is 0.
struct GatedFfnPieces {
    int64_t up, gate, hidden, hidden_gradient;        // [block, rD]
    int64_t output, output_gradient;                  // [block, D], before the norm
    int64_t input_gradient;                           // [splits, block, D] fp32
    int64_t up_weights, gate_weights, down_weights;   // [splits, D rD] fp32, summed over the blocks
    int64_t sums;                                     // [2 rD + 3 D] fp32: gradients of biases, gain and norm bias
    int64_t scratch;                                  // partial sums of one launch
};

enum class FfnForward { fused, products };

struct GatedFfnPlan final : lsk_plan {
    static constexpr const char* operation_name = "gated FFN";
    explicit GatedFfnPlan(lsk_context* context) : lsk_plan(context, operation_name) {}

    int dtype = 0;
    int rows = 0;
    int width = 0;
    int hidden_width = 0;
    lsk_ffn_norm norm = LSK_FFN_NORM_NONE;
    float epsilon = 0;
    int add = 0;
    FfnForward forward = FfnForward::products;
    int block_rows = 0;
    PlannedProduct to_hidden, from_hidden;                              // x Wu, x Wv; h Wo
    PlannedProduct to_hidden_gradient, to_input_gradient;               // dz Wo^T; du Wu^T, dg Wv^T
    PlannedProduct input_weight_gradient, hidden_weight_gradient;       // x^T du, x^T dg; h^T dz
    LayerNormLayout norm_layout;
    int hidden_sum_parts = 0;
    int width_sum_parts = 0;
    GatedFfnPieces forward_pieces{}, backward_pieces{};

    int64_t element_bytes() const { return dtype_bytes(dtype); }
    void lay_out();
};

void run_forward(const Run<GatedFfnPlan>& run, const lsk_gated_ffn_tensors& t);
void run_backward(const Run<GatedFfnPlan>& run, const lsk_gated_ffn_tensors& t, const lsk_gated_ffn_gradients& g);

}  // namespace lsk
