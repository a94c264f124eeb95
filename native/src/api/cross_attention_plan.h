// The plan of cross attention: what its forward and its backward have in common.
#pragma once
#include "api/run.h"
#include "kernels/cross_attention/cross_attention.h"
#include "plan/cross_attention.h"
#include "plan/cross_attention_backward.h"

namespace lsk {

struct CrossAttentionPlan final : lsk_plan {
    static constexpr const char* operation_name = "cross attention";
    explicit CrossAttentionPlan(lsk_context* owner) : lsk_plan(owner, operation_name) {}

    AttentionShape shape;
    ForwardPlan forward;
    DeviceArray<AttentionWork> forward_works;
    DeviceArray<int32_t> forward_block_works;
    DeviceArray<int64_t> limits;  // [T], or none
    std::string backward_unsupported;  // why there is no backward; "" where there is one
    BackwardPlan backward;
    DeviceArray<BackwardWork> backward_row_works, backward_token_works;
    DeviceArray<int32_t> backward_row_block_works;

    bool shared_history() const { return shape.form == LSK_SHARED; }
    int64_t query_elements() const { return shape.query_targets() * shape.queries_per_target * shape.heads * shape.head_width; }
    int64_t output_elements() const { return shape.rows() * shape.head_width; }
    int64_t history_elements() const { return shape.tokens() * shape.key_value_heads * shape.head_width; }
};

// The inputs that both directions have, after checking them.
CrossAttentionParams cross_attention_inputs(const CrossAttentionPlan& plan, const lsk_cross_attention_tensors& tensors);

// Fills in what the backward needs of a plan whose shape is there.
void plan_cross_attention_backward(CrossAttentionPlan& plan, const Chip& chip, const BackwardPin& pin);

// lsk_cross_attention_plan with the planners' choices overruled.
lsk_status cross_attention_plan(lsk_context* context, const lsk_cross_attention_shape* shape, const ForwardPin& pin, lsk_plan** result, const BackwardPin& backward_pin = {});

}  // namespace lsk
