#include "api/run.h"
#include "kernels/layer_norm/layer_norm.h"
#include "kernels/reduction/reduction.h"
#include "plan/layer_norm.h"

using namespace lsk;

namespace {
struct LayerNormPlan final : lsk_plan {
    static constexpr const char* operation_name = "layer norm";
    explicit LayerNormPlan(lsk_context* context) : lsk_plan(context, operation_name) {}

    int dtype = 0;
    int rows = 0;
    int width = 0;
    float epsilon = 0;
    LayerNormLayout layout;

    int64_t elements() const { return int64_t(rows) * width; }
    int64_t element_bytes() const { return dtype_bytes(dtype); }
};

LayerNormParams params_of(const LayerNormPlan& plan, const lsk_layer_norm_tensors& t) {
    check_tensor("input", t.input, plan.elements(), plan.element_bytes());
    check_tensor("gain", t.gain, 0, plan.element_bytes());
    LayerNormParams params{};
    params.input = t.input;
    params.gain = t.gain;
    params.rows = plan.rows;
    params.width = plan.width;
    params.dtype = plan.dtype;
    params.epsilon = plan.epsilon;
    params.lanes = plan.layout.lanes;
    params.blocks = plan.layout.blocks;
    return params;
}

void sum_partials(const Run<LayerNormPlan>& run, const float* partials, int parts, void* output) {
    if (!output) return;
    const LayerNormPlan& plan = run.plan();
    run.check(launch_partial_sums({partials, output, plan.width, 2 * int64_t(plan.width), parts, plan.dtype, 0, nullptr, 0}, run.stream()));
}
}  // namespace

extern "C" lsk_status lsk_layer_norm_plan(lsk_context* context, const lsk_layer_norm_shape* shape, lsk_plan** result) {
    return make_plan<LayerNormPlan>(context, result, [&](LayerNormPlan& plan) {
        const auto& s = checked("shape", shape);
        check_choice("dtype", s.dtype, LSK_FLOAT16 + 1);
        check_extent("rows", s.rows, 0);
        check_extent("width", s.width);
        check_finite_positive("epsilon", s.epsilon);
        plan.dtype = s.dtype;
        plan.rows = s.rows;
        plan.width = s.width;
        plan.epsilon = s.epsilon;
        const int multiprocessors = plan.context->multiprocessors;
        plan.layout = layer_norm_layout(s.rows, s.width, static_cast<int>(dtype_bytes(s.dtype)), multiprocessors, layer_norm_summed_width(s.dtype),
                                        column_sum_parts(s.rows, s.width, multiprocessors));
        plan.explanation = explain(plan.layout, s.rows, s.width, dtype_name(s.dtype));
        plan.backward_workspace = workspace_ticket_bytes + plan.layout.workspace_bytes();
    });
}

extern "C" lsk_status lsk_layer_norm_forward(lsk_plan* plan, const lsk_layer_norm_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream) {
    return guarded([&] {
        const Run<LayerNormPlan> run(plan, LSK_FORWARD, workspace, stream);
        const auto& t = checked("tensors", tensors);
        LayerNormParams params = params_of(run.plan(), t);
        check_tensor("bias", t.bias, 0, run.plan().element_bytes());
        check_tensor("output", t.output, run.plan().elements(), run.plan().element_bytes());
        params.bias = t.bias;
        params.output = t.output;
        params.alignment = row_alignment(params.width * run.plan().element_bytes(), {t.input, t.gain, t.bias, t.output});
        run.check(launch_layer_norm(params, run.stream()));
    });
}

extern "C" lsk_status lsk_layer_norm_backward(lsk_plan* plan, const lsk_layer_norm_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream) {
    return guarded([&] {
        const Run<LayerNormPlan> run(plan, LSK_BACKWARD, workspace, stream);
        const auto& t = checked("tensors", tensors);
        const LayerNormPlan& layer = run.plan();
        LayerNormParams params = params_of(layer, t);
        check_tensor("output_gradient", t.output_gradient, layer.elements(), layer.element_bytes());
        check_tensor("input_gradient", t.input_gradient, 0, layer.element_bytes());
        check_tensor("gain_gradient", t.gain_gradient, 0, layer.element_bytes());
        check_tensor("bias_gradient", t.bias_gradient, 0, layer.element_bytes());
        auto* partials = reinterpret_cast<float*>(run.workspace() + workspace_ticket_bytes);
        const bool summed = t.gain_gradient || t.bias_gradient, summed_apart = summed && layer.layout.summed_apart;
        params.output_gradient = t.output_gradient;
        params.input_gradient = t.input_gradient;
        params.moments = summed_apart ? partials + layer.layout.partials_bytes / 4 : nullptr;
        params.partial_gradients = summed && !summed_apart ? partials : nullptr;
        params.alignment = row_alignment(params.width * layer.element_bytes(), {t.input, t.gain, t.output_gradient, t.input_gradient});
        if (t.input_gradient || summed) run.check(launch_layer_norm_backward(params, run.stream()));
        if (!summed) return;
        if (summed_apart)
            run.check(launch_column_sums({t.output_gradient, t.input, params.moments, partials + params.width, partials, params.rows, 2 * int64_t(params.width),
                                          params.width, layer.layout.parts, params.dtype}, run.stream()));
        const int parts = params.rows == 0 ? 0 : layer.layout.parts;
        sum_partials(run, partials, parts, t.gain_gradient);
        sum_partials(run, partials + params.width, parts, t.bias_gradient);
    });
}
