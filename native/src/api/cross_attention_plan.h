// The plan of cross attention: what its forward and its backward have in common.
#pragma once
#include "api/run.h"
#include "kernels/cross_attention/cross_attention.h"
#include "plan/cross_attention.h"

namespace lsk {

struct CrossAttentionPlan final : lsk_plan {
    static constexpr const char* operation_name = "cross attention";
    explicit CrossAttentionPlan(lsk_context* owner) : lsk_plan(owner, operation_name) {}

    AttentionShape shape;
    ForwardPlan forward;
    DeviceArray<AttentionWork> forward_works;
    DeviceArray<int32_t> forward_block_works;
    DeviceArray<int64_t> limits;  // [T], or none

    bool shared_history() const { return shape.form == LSK_SHARED; }
    int64_t query_elements() const { return shape.query_targets() * shape.queries_per_target * shape.heads * shape.head_width; }
    int64_t output_elements() const { return shape.rows() * shape.head_width; }
    int64_t history_elements() const { return shape.tokens() * shape.key_value_heads * shape.head_width; }
};

// The inputs that both directions have, after checking them.
CrossAttentionParams cross_attention_inputs(const CrossAttentionPlan& plan, const lsk_cross_attention_tensors& tensors);

// lsk_cross_attention_plan with the choice of the forward kernel overruled.
lsk_status cross_attention_plan(lsk_context* context, const lsk_cross_attention_shape* shape, const ForwardPin& pin, lsk_plan** result);

}  // namespace lsk
