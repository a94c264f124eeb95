#include "api/run.h"
#include "kernels/merge_states/merge_states.h"

using namespace lsk;

namespace {
struct MergeStatesPlan final : lsk_plan {
    static constexpr const char* operation_name = "merge states";
    explicit MergeStatesPlan(lsk_context* context) : lsk_plan(context, operation_name) {}

    int parts = 0;
    int rows = 0;
    int width = 0;

    int64_t states() const { return int64_t(parts) * rows; }
};

MergeStatesParams inputs(const MergeStatesPlan& plan, const lsk_merge_states_tensors& t) {
    check_tensor("outputs", t.outputs, plan.states() * plan.width, 4);
    check_tensor("log_sum_exps", t.log_sum_exps, plan.states(), 4);
    MergeStatesParams params{};
    params.outputs = t.outputs;
    params.log_sum_exps = t.log_sum_exps;
    params.rows = plan.rows;
    params.parts = plan.parts;
    params.width = plan.width;
    return params;
}
}  // namespace

extern "C" lsk_status lsk_merge_states_plan(lsk_context* context, const lsk_merge_states_shape* shape, lsk_plan** result) {
    return make_plan<MergeStatesPlan>(context, result, [&](MergeStatesPlan& plan) {
        const auto& s = checked("shape", shape);
        check_extent("parts", s.parts, 0);
        check_extent("rows", s.rows, 0);
        check_extent("width", s.width);
        plan.parts = s.parts;
        plan.rows = s.rows;
        plan.width = s.width;
        plan.explanation = "sm80_merge_states: one warp per row, " + std::to_string(s.parts) + " parts in their order, one pass over the states.";
    });
}

extern "C" lsk_status lsk_merge_states_forward(lsk_plan* plan, const lsk_merge_states_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream) {
    return guarded([&] {
        const Run<MergeStatesPlan> run(plan, LSK_FORWARD, workspace, stream);
        const auto& t = checked("tensors", tensors);
        MergeStatesParams params = inputs(run.plan(), t);
        check_tensor("output", t.output, int64_t(params.rows) * params.width, 4);
        check_tensor("log_sum_exp", t.log_sum_exp, params.rows, 4);
        params.output = t.output;
        params.log_sum_exp = t.log_sum_exp;
        run.check(launch_merge_states(params, run.stream()));
    });
}

extern "C" lsk_status lsk_merge_states_backward(lsk_plan* plan, const lsk_merge_states_tensors* tensors,
                                                const lsk_merge_states_gradients* gradients, lsk_buffer* workspace, lsk_stream* stream) {
    return guarded([&] {
        const Run<MergeStatesPlan> run(plan, LSK_BACKWARD, workspace, stream);
        const auto& g = checked("gradients", gradients);
        MergeStatesParams params = inputs(run.plan(), checked("tensors", tensors));
        check_tensor("output_gradient", g.output_gradient, int64_t(params.rows) * params.width, 4);
        check_tensor("log_sum_exp_gradient", g.log_sum_exp_gradient, 0, 4);
        check_tensor("output_gradients", g.output_gradients, run.plan().states() * params.width, 4);
        check_tensor("log_sum_exp_gradients", g.log_sum_exp_gradients, run.plan().states(), 4);
        params.output_gradient = g.output_gradient;
        params.log_sum_exp_gradient = g.log_sum_exp_gradient;
        params.output_gradients = g.output_gradients;
        params.log_sum_exp_gradients = g.log_sum_exp_gradients;
        run.check(launch_merge_states_backward(params, run.stream()));
    });
}
