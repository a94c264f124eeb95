#include <algorithm>
#include "api/linear_products.h"
#include "kernels/reduction/reduction.h"

using namespace lsk;

namespace {
struct LinearPlan final : lsk_plan {
    static constexpr const char* operation_name = "linear";
    explicit LinearPlan(lsk_context* context) : lsk_plan(context, operation_name) {}

    int dtype = 0;
    int rows = 0;
    int input_width = 0;
    int output_width = 0;
    int add = 0;
    int bias_parts = 0;
    PlannedProduct forward, input_gradient, weight_gradient;

    int64_t element_bytes() const { return dtype_bytes(dtype); }
    int64_t bias_bytes() const { return int64_t(bias_parts) * output_width * 4; }
};

float* partials_of(const Run<LinearPlan>& run) { return reinterpret_cast<float*>(run.workspace() + workspace_ticket_bytes); }
}  // namespace

extern "C" lsk_status lsk_linear_plan(lsk_context* context, const lsk_linear_shape* shape, lsk_plan** result) {
    return make_plan<LinearPlan>(context, result, [&](LinearPlan& plan) {
        const auto& s = checked("shape", shape);
        check_choice("dtype", s.dtype, LSK_FLOAT16 + 1);
        check_extent("rows", s.rows, 0);
        check_extent("input_width", s.input_width);
        check_extent("output_width", s.output_width);
        check_choice("output_mode", s.output_mode, LSK_ADD + 1);
        const int multiprocessors = context->multiprocessors;
        plan.dtype = s.dtype;
        plan.rows = s.rows;
        plan.input_width = s.input_width;
        plan.output_width = s.output_width;
        plan.add = s.output_mode == LSK_ADD;
        plan.bias_parts = column_sum_parts(s.rows, s.output_width, multiprocessors);
        plan.forward = PlannedProduct(Product::forward, s.rows, s.output_width, s.input_width, s.dtype, *context);
        plan.input_gradient = PlannedProduct(Product::input_gradient, s.rows, s.input_width, s.output_width, s.dtype, *context);
        plan.weight_gradient = PlannedProduct(Product::weight_gradient, s.input_width, s.output_width, s.rows, s.dtype, *context);
        plan.explanation = std::string("sm80_product ") + dtype_name(s.dtype) + "\n" + plan.forward.explain() + "\n" + plan.input_gradient.explain() + "\n" +
                           plan.weight_gradient.explain() + "\nbias gradient: " + std::to_string(plan.bias_parts) + " parts of the rows, added up in their order";
        if (plan.forward.scratch_bytes() > 0) plan.forward_workspace = workspace_ticket_bytes + plan.forward.scratch_bytes();
        plan.backward_workspace = workspace_ticket_bytes + std::max({plan.input_gradient.scratch_bytes(), plan.weight_gradient.scratch_bytes(), plan.bias_bytes()});
    });
}

extern "C" lsk_status lsk_linear_forward(lsk_plan* plan, const lsk_linear_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream) {
    return guarded([&] {
        const Run<LinearPlan> run(plan, LSK_FORWARD, workspace, stream);
        const auto& t = checked("tensors", tensors);
        const LinearPlan& linear = run.plan();
        check_tensor("input", t.input, int64_t(linear.rows) * linear.input_width, linear.element_bytes());
        check_tensor("weight", t.weight, int64_t(linear.input_width) * linear.output_width, linear.element_bytes());
        check_tensor("bias", t.bias, 0, linear.element_bytes());
        check_tensor("output", t.output, int64_t(linear.rows) * linear.output_width, linear.element_bytes());
        run.check(launch(linear.forward, t.input, t.weight, t.bias, t.output, linear.add, partials_of(run), run.stream()));
    });
}

extern "C" lsk_status lsk_linear_backward(lsk_plan* plan, const lsk_linear_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream) {
    return guarded([&] {
        const Run<LinearPlan> run(plan, LSK_BACKWARD, workspace, stream);
        const auto& t = checked("tensors", tensors);
        const LinearPlan& linear = run.plan();
        check_tensor("input", t.input, t.weight_gradient ? int64_t(linear.rows) * linear.input_width : 0, linear.element_bytes());
        check_tensor("weight", t.weight, t.input_gradient ? int64_t(linear.input_width) * linear.output_width : 0, linear.element_bytes());
        check_tensor("output_gradient", t.output_gradient, int64_t(linear.rows) * linear.output_width, linear.element_bytes());
        check_tensor("input_gradient", t.input_gradient, 0, linear.element_bytes());
        check_tensor("weight_gradient", t.weight_gradient, 0, linear.element_bytes());
        check_tensor("bias_gradient", t.bias_gradient, 0, linear.element_bytes());
        float* partials = partials_of(run);  // of one product after the other
        if (t.input_gradient) run.check(launch(linear.input_gradient, t.output_gradient, t.weight, nullptr, t.input_gradient, linear.add, partials, run.stream()));
        if (t.weight_gradient) run.check(launch(linear.weight_gradient, t.input, t.output_gradient, nullptr, t.weight_gradient, linear.add, partials, run.stream()));
        if (!t.bias_gradient) return;
        run.check(launch_column_sums({t.output_gradient, nullptr, nullptr, partials, nullptr, linear.rows, linear.output_width, linear.output_width, linear.bias_parts,
                                      linear.dtype}, run.stream()));
        run.check(launch_partial_sums({partials, t.bias_gradient, linear.output_width, linear.output_width, linear.bias_parts, linear.dtype, linear.add, nullptr, 0},
                                      run.stream()));
    });
}
