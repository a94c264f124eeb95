#include <algorithm>
#include "api/run.h"
#include "kernels/sketch_attention/sketch_attention.h"
#include "plan/sketch_attention.h"

using namespace lsk;

namespace {
struct SketchAttentionPlan final : lsk_plan {
    static constexpr const char* operation_name = "sketch attention";
    explicit SketchAttentionPlan(lsk_context* context) : lsk_plan(context, operation_name) {}

    SketchAttentionParams params{};  // what does not depend on the tensors
    DeviceArray<RowSpan> sketch_spans, token_spans, prototype_spans;
    DeviceArray<int32_t> block_spans;
    int64_t sketch_span_count = 0, token_span_count = 0;
    int part_tickets = 0;
    int64_t partial_bytes = 0;  // of the backward; the means and the factors follow

    int64_t element_bytes() const { return dtype_bytes(params.dtype); }
    int64_t sketch_rows() const { return params.segments * params.prototype_count; }
    int64_t mean_bytes() const { return (params.total * 4 + 15) / 16 * 16; }
    int64_t factor_bytes() const { return params.normalization == LSK_NORMALIZATION_MASS ? sketch_rows() * int64_t(sizeof(SketchFactors)) : 0; }
};

void check_width(const char* argument, int32_t value) {
    check_extent(argument, value);
    if (value > sketch_widest)
        throw Failure(LSK_UNSUPPORTED, std::string(argument) + " was " + std::to_string(value) + "; this build has kernels up to " + std::to_string(sketch_widest) + ".");
}

void check_shared_memory(const lsk_context& context, const lsk_sketch_attention_shape& s) {
    const int element = static_cast<int>(dtype_bytes(s.dtype));
    const int64_t needed = std::max(sketch_forward_shared_bytes(element, s.key_width, s.value_width), sketch_backward_shared_bytes(element, s.key_width, s.value_width));
    if (needed <= context.shared_memory_per_block) return;
    throw Failure(LSK_UNSUPPORTED, "key_width was " + std::to_string(s.key_width) + " and value_width " + std::to_string(s.value_width) + " but tiles of " + dtype_name(s.dtype) +
                                       " rows take " + std::to_string(needed) + " of the device's " + std::to_string(context.shared_memory_per_block) +
                                       " bytes of shared memory of a block; at most 128 columns fit.");
}

void check_inputs(const SketchAttentionPlan& plan, const lsk_sketch_attention_tensors& t) {
    const SketchAttentionParams& p = plan.params;
    check_tensor("prototypes", t.prototypes, int64_t(p.prototype_count) * p.key_width, plan.element_bytes());
    check_tensor("keys", t.keys, p.total * p.key_width, plan.element_bytes());
    check_tensor("values", t.values, p.total * p.value_width, plan.element_bytes());
    check_tensor("sketch", t.sketch, plan.sketch_rows() * p.value_width, plan.element_bytes());
    check_tensor("token_log_sum_exp", t.token_log_sum_exp, p.total, 4);
    check_tensor("mass", t.mass, plan.sketch_rows(), 4);
}

SketchAttentionParams params_of(const SketchAttentionPlan& plan, const lsk_sketch_attention_tensors& t, std::byte* workspace) {
    SketchAttentionParams params = plan.params;
    params.prototypes = t.prototypes;
    params.keys = t.keys;
    params.values = t.values;
    params.sketch = t.sketch;
    params.token_log_sum_exp = t.token_log_sum_exp;
    params.mass = t.mass;
    params.key_alignment = row_alignment(params.key_width * plan.element_bytes(), {t.prototypes, t.keys});
    params.value_alignment = row_alignment(params.value_width * plan.element_bytes(), {t.values, t.sketch});
    params.tickets = reinterpret_cast<unsigned*>(workspace);
    params.partials = workspace ? reinterpret_cast<float4*>(workspace + workspace_ticket_bytes) : nullptr;
    return params;
}
}  // namespace

extern "C" lsk_status lsk_sketch_attention_plan(lsk_context* context, const lsk_sketch_attention_shape* shape, lsk_plan** result) {
    return make_plan<SketchAttentionPlan>(context, result, [&](SketchAttentionPlan& plan) {
        const auto& s = checked("shape", shape);
        check_choice("dtype", s.dtype, LSK_FLOAT16 + 1);
        check_extent("prototypes", s.prototypes);
        check_width("key_width", s.key_width);
        check_width("value_width", s.value_width);
        check_shared_memory(*context, s);
        check_finite("scale", s.scale);
        check_choice("normalization", s.normalization, LSK_NORMALIZATION_MASS + 1);
        check_reserved("reserved", s.reserved);
        check_offsets("history_offsets", s.history_offsets, s.segments);

        const SketchLayout layout = lay_out_sketch({s.prototypes, s.history_offsets, s.segments, context->multiprocessors,
                                                    sketch_partial_vectors(s.key_width, s.value_width) * int64_t(sizeof(float4)),
                                                    prototype_gradient_partial_vectors(s.key_width, s.value_width) * int64_t(sizeof(float4))});
        plan.sketch_spans = DeviceArray<RowSpan>(context, layout.sketch.spans);
        plan.token_spans = DeviceArray<RowSpan>(context, layout.token_gradients.spans);
        plan.prototype_spans = DeviceArray<RowSpan>(context, layout.prototype_gradient.spans);
        plan.block_spans = DeviceArray<int32_t>(context, layout.prototype_gradient.block_spans);
        plan.sketch_span_count = static_cast<int64_t>(layout.sketch.spans.size());
        plan.token_span_count = static_cast<int64_t>(layout.token_gradients.spans.size());
        plan.part_tickets = layout.part_tickets;

        SketchAttentionParams& p = plan.params;
        p.total = s.history_offsets[s.segments];
        p.segments = s.segments;
        p.parts = layout.parts;
        p.part_group = layout.part_group;
        p.tickets_per_unit = layout.sketch.tickets;
        p.prototype_count = s.prototypes;
        p.key_width = s.key_width;
        p.value_width = s.value_width;
        p.scale = s.scale;
        p.dtype = static_cast<lsk_dtype>(s.dtype);
        p.normalization = static_cast<lsk_normalization>(s.normalization);

        plan.partial_bytes = layout.backward_partial_bytes;
        plan.explanation = layout.explanation;
        plan.forward_workspace = layout.forward_partial_bytes ? workspace_ticket_bytes + layout.forward_partial_bytes : 0;
        plan.backward_workspace = workspace_ticket_bytes + plan.partial_bytes + plan.mean_bytes() + plan.factor_bytes();
    });
}

extern "C" lsk_status lsk_sketch_attention_forward(lsk_plan* plan, const lsk_sketch_attention_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream) {
    return guarded([&] {
        const Run<SketchAttentionPlan> run(plan, LSK_FORWARD, workspace, stream);
        const auto& t = checked("tensors", tensors);
        check_inputs(run.plan(), t);
        SketchAttentionParams params = params_of(run.plan(), t, run.workspace());
        params.spans = run.plan().sketch_spans.data();
        params.span_count = run.plan().sketch_span_count;
        run.check(launch_sketch_token_lse(params, run.stream()));
        run.check(launch_sketch(params, run.stream()));
    });
}

extern "C" lsk_status lsk_sketch_attention_backward(lsk_plan* plan, const lsk_sketch_attention_tensors* tensors,
                                                    const lsk_sketch_attention_gradients* gradients, lsk_buffer* workspace, lsk_stream* stream) {
    return guarded([&] {
        const Run<SketchAttentionPlan> run(plan, LSK_BACKWARD, workspace, stream);
        const auto& t = checked("tensors", tensors);
        const auto& g = checked("gradients", gradients);
        check_inputs(run.plan(), t);
        SketchAttentionParams params = params_of(run.plan(), t, run.workspace());
        const int64_t bytes = run.plan().element_bytes();
        check_tensor("sketch_gradient", g.sketch_gradient, run.plan().sketch_rows() * params.value_width, bytes);
        check_tensor("prototype_gradient", g.prototype_gradient, int64_t(params.prototype_count) * params.key_width, bytes);
        check_tensor("key_gradient", g.key_gradient, params.total * params.key_width, bytes);
        check_tensor("value_gradient", g.value_gradient, params.total * params.value_width, bytes);
        params.key_alignment = row_alignment(params.key_width * bytes, {t.prototypes, t.keys, g.prototype_gradient, g.key_gradient});
        params.value_alignment = row_alignment(params.value_width * bytes, {t.values, t.sketch, g.sketch_gradient, g.value_gradient});
        params.sketch_gradient = g.sketch_gradient;
        params.prototype_gradient = g.prototype_gradient;
        params.key_gradient = g.key_gradient;
        params.value_gradient = g.value_gradient;
        std::byte* behind_partials = run.workspace() + workspace_ticket_bytes + run.plan().partial_bytes;
        params.weight_means = reinterpret_cast<float*>(behind_partials);
        if (run.plan().factor_bytes() > 0) {
            params.factors = reinterpret_cast<SketchFactors*>(behind_partials + run.plan().mean_bytes());
            run.check(launch_sketch_factors(params, run.stream()));
        }
        params.spans = run.plan().token_spans.data();
        params.span_count = run.plan().token_span_count;
        run.check(launch_sketch_token_gradients(params, run.stream()));
        params.spans = run.plan().prototype_spans.data();
        params.block_spans = run.plan().block_spans.data();
        params.tickets_per_unit = run.plan().part_tickets;
        run.check(launch_sketch_prototype_gradient(params, run.stream()));
    });
}
