#include "api/run.h"
#include <cmath>
#include "kernels/adamw/adamw.h"

using namespace lsk;

namespace {
struct AdamwPlan final : lsk_plan {
    static constexpr const char* operation_name = "AdamW";
    explicit AdamwPlan(lsk_context* context) : lsk_plan(context, operation_name) {}

    int64_t parameters = 0;
};

void check_decay(const char* argument, float value) {
    if (!(value >= 0 && value < 1)) fail_argument(argument, std::to_string(value), "from 0 to below 1");
}
}  // namespace

extern "C" lsk_status lsk_adamw_plan(lsk_context* context, const lsk_adamw_shape* shape, lsk_plan** result) {
    return make_plan<AdamwPlan>(context, result, [&](AdamwPlan& plan) {
        const auto& s = checked("shape", shape);
        check_reserved("reserved", s.reserved);
        constexpr int64_t most = int64_t(1) << 40;
        if (s.parameters < 0 || s.parameters > most) fail_argument("parameters", std::to_string(s.parameters), "from 0 to " + std::to_string(most));
        plan.parameters = s.parameters;
        plan.explanation = "sm80_adamw: " + std::to_string(s.parameters) + " parameters, four a thread, one pass.";
    });
}

extern "C" lsk_status lsk_adamw_step(lsk_plan* plan, const lsk_adamw_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream) {
    return guarded([&] {
        const Run<AdamwPlan> run(plan, LSK_FORWARD, workspace, stream);
        const auto& t = checked("tensors", tensors);
        check_finite_not_negative("learning_rate", t.learning_rate);
        check_decay("beta1", t.beta1);
        check_decay("beta2", t.beta2);
        check_finite_positive("epsilon", t.epsilon);
        check_finite_not_negative("weight_decay", t.weight_decay);
        check_finite("gradient_scale", t.gradient_scale);
        check_extent("step", t.step, 1, INT32_MAX);
        const int64_t parameters = run.plan().parameters;
        check_tensor("gradient", t.gradient, parameters, 4);
        check_tensor("parameter", t.parameter, parameters, 4);
        check_tensor("first_moment", t.first_moment, parameters, 4);
        check_tensor("second_moment", t.second_moment, parameters, 4);
        AdamwParams params{};
        params.gradient = t.gradient;
        params.parameter = t.parameter;
        params.first_moment = t.first_moment;
        params.second_moment = t.second_moment;
        params.parameters = parameters;
        params.gradient_scale = t.gradient_scale;
        params.beta1 = t.beta1;
        params.rest1 = 1 - t.beta1;
        params.beta2 = t.beta2;
        params.rest2 = 1 - t.beta2;
        params.rate = static_cast<float>(double(t.learning_rate) / (1 - std::pow(double(t.beta1), t.step)));
        params.second_correction = static_cast<float>(1 / (1 - std::pow(double(t.beta2), t.step)));
        params.epsilon = t.epsilon;
        params.keep = static_cast<float>(1 - double(t.learning_rate) * double(t.weight_decay));
        params.alignment = row_alignment(16, {t.gradient, t.parameter, t.first_moment, t.second_moment});
        run.check(launch_adamw(params, run.stream()));
    });
}
