#include "api/gated_ffn_plan.h"
#include "kernels/gated_ffn/fused.h"

using namespace lsk;

namespace {
// Parameters, and gradients shaped as them: those of a norm only where there is one.
void check_norm_tensor(const GatedFfnPlan& plan, const char* argument, const void* tensor) {
    if (plan.norm == LSK_FFN_NORM_NONE) check_absent(argument, tensor, "there is no norm");
    check_tensor(argument, tensor, 0, plan.element_bytes());
}

void check_parameters(const GatedFfnPlan& plan, const lsk_gated_ffn_tensors& t) {
    const int64_t weights = int64_t(plan.width) * plan.hidden_width, bytes = plan.element_bytes();
    check_tensor("input", t.input, int64_t(plan.rows) * plan.width, bytes);
    check_tensor("up", t.up, weights, bytes);
    check_tensor("gate", t.gate, weights, bytes);
    check_tensor("down", t.down, weights, bytes);
    check_tensor("up_bias", t.up_bias, 0, bytes);
    check_tensor("gate_bias", t.gate_bias, 0, bytes);
    check_tensor("down_bias", t.down_bias, 0, bytes);
    check_norm_tensor(plan, "norm_gain", t.norm_gain);
    check_norm_tensor(plan, "norm_bias", t.norm_bias);
}

std::string explain(const GatedFfnPlan& plan) {
    const std::string blocks = "sm80_product in blocks of " + std::to_string(plan.block_rows) + " rows, so that hidden rows stay in L2";
    std::string text = std::string("gated FFN ") + dtype_name(plan.dtype) + ": " + std::to_string(plan.rows) + " rows of " + std::to_string(plan.width) + ", hidden " +
                       std::to_string(plan.hidden_width) + "\nforward: ";
    if (plan.forward == FfnForward::fused)
        text += "sm80_fused, " + std::to_string(fused_ffn_block_rows(plan.dtype)) + " rows a block, hidden rows stay in registers";
    else
        text += blocks + ", as rows are wider than " + std::to_string(fused_ffn_width) + " or shared memory is too small for the fused kernel\n" + plan.to_hidden.explain() +
                "\n" + plan.from_hidden.explain();
    return text + "\nbackward: " + blocks + ", hidden rows computed again, gradients of weights in fp32 over the blocks\n" + plan.to_hidden_gradient.explain() + "\n" +
           plan.to_input_gradient.explain() + "\n" + plan.input_weight_gradient.explain() + "\n" + plan.hidden_weight_gradient.explain();
}
}  // namespace

extern "C" lsk_status lsk_gated_ffn_plan(lsk_context* context, const lsk_gated_ffn_shape* shape, lsk_plan** result) {
    return make_plan<GatedFfnPlan>(context, result, [&](GatedFfnPlan& plan) {
        const auto& s = checked("shape", shape);
        check_choice("dtype", s.dtype, LSK_FLOAT16 + 1);
        check_extent("rows", s.rows, 0);
        check_extent("width", s.width);
        check_extent("hidden_width", s.hidden_width);
        check_choice("norm", s.norm, LSK_FFN_NORM_LAYER + 1);
        check_finite_positive("norm_epsilon", s.norm_epsilon);
        check_choice("gradient_mode", s.gradient_mode, LSK_ADD + 1);
        plan.dtype = s.dtype;
        plan.rows = s.rows;
        plan.width = s.width;
        plan.hidden_width = s.hidden_width;
        plan.norm = static_cast<lsk_ffn_norm>(s.norm);
        plan.epsilon = s.norm_epsilon;
        plan.add = s.gradient_mode == LSK_ADD;
        const bool fits = s.width <= fused_ffn_width && fused_ffn_shared_bytes(s.dtype, s.width) <= context->shared_memory_per_block;
        plan.forward = fits ? FfnForward::fused : FfnForward::products;
        plan.lay_out();
        plan.explanation = explain(plan);
    });
}

extern "C" lsk_status lsk_gated_ffn_forward(lsk_plan* plan, const lsk_gated_ffn_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream) {
    return guarded([&] {
        const Run<GatedFfnPlan> run(plan, LSK_FORWARD, workspace, stream);
        const auto& t = checked("tensors", tensors);
        check_parameters(run.plan(), t);
        check_tensor("output", t.output, int64_t(run.plan().rows) * run.plan().width, run.plan().element_bytes());
        run_forward(run, t);
    });
}

extern "C" lsk_status lsk_gated_ffn_backward(lsk_plan* plan, const lsk_gated_ffn_tensors* tensors, const lsk_gated_ffn_gradients* gradients, lsk_buffer* workspace,
                                             lsk_stream* stream) {
    return guarded([&] {
        const Run<GatedFfnPlan> run(plan, LSK_BACKWARD, workspace, stream);
        const auto& t = checked("tensors", tensors);
        const auto& g = checked("gradients", gradients);
        const int64_t bytes = run.plan().element_bytes();
        check_parameters(run.plan(), t);
        check_tensor("output_gradient", g.output_gradient, int64_t(run.plan().rows) * run.plan().width, bytes);
        check_tensor("gradients.input", g.input, 0, bytes);
        check_tensor("gradients.up", g.up, 0, bytes);
        check_tensor("gradients.gate", g.gate, 0, bytes);
        check_tensor("gradients.down", g.down, 0, bytes);
        check_tensor("gradients.up_bias", g.up_bias, 0, bytes);
        check_tensor("gradients.gate_bias", g.gate_bias, 0, bytes);
        check_tensor("gradients.down_bias", g.down_bias, 0, bytes);
        check_norm_tensor(run.plan(), "gradients.norm_gain", g.norm_gain);
        check_norm_tensor(run.plan(), "gradients.norm_bias", g.norm_bias);
        run_backward(run, t, g);
    });
}
