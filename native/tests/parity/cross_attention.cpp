#include "api/cross_attention_plan.h"
#include "support/compare.h"
#include "support/cross_attention_twin.h"
#include "support/device.h"

using namespace lsk::test;

namespace {
struct Outcome {
    std::vector<double> output, log_sum_exp;
    std::vector<std::byte> bytes;
    std::string explanation;
};

// Runs a case twice in the same workspace, with the kernel that `pin` names.
Outcome run(const AttentionInputs& in, const lsk::ForwardPin& pin) {
    const Device device;
    Plan plan;
    const lsk_cross_attention_shape shape = in.shape();
    succeed(lsk::cross_attention_plan(device.context, &shape, pin, &plan.handle));
    const Tensor queries(device, in.c.dtype, in.queries), keys(device, in.c.dtype, in.keys), values(device, in.c.dtype, in.values), bias(device, LSK_FLOAT32, in.bias);
    Tensor output(device, in.c.output_dtype(), size_t(in.rows()) * in.c.width), lse(device, LSK_FLOAT32, size_t(in.rows()));
    const bool softmax = in.c.score == LSK_SOFTMAX;
    const lsk_cross_attention_tensors tensors{sizeof tensors, queries.pointer(), keys.pointer(), in.c.form == LSK_SHARED ? nullptr : values.pointer(),
                                              in.c.bias ? bias.floats() : nullptr, output.pointer(), softmax ? lse.floats() : nullptr};
    const Workspace workspace(device, plan, LSK_FORWARD);
    succeed(lsk_cross_attention_forward(plan.handle, &tensors, workspace.buffer, device.stream));
    Outcome outcome{output.values(), {}, output.raw(), plan.explain()};
    if (softmax) outcome.log_sum_exp = lse.values();
    succeed(lsk_cross_attention_forward(plan.handle, &tensors, workspace.buffer, device.stream));
    CHECK(outcome.bytes == output.raw());
    return outcome;
}

void check(const AttentionCase& c, const lsk::ForwardPin& pin = {}) {
    const AttentionInputs in(c);
    const Outcome actual = run(in, pin);
    CAPTURE(actual.explanation);
    CAPTURE(c.dtype);
    CAPTURE(c.form);
    CAPTURE(c.width);
    CAPTURE(c.heads);
    const AttentionResult reference = attend(in), naive = attend(in, true);
    double largest = 1e-30;
    for (const double value : reference.output) largest = std::max(largest, std::abs(value));
    check_against_naive("output", actual.output, reference.output, naive.output, 1e-5 * largest);
    if (c.dtype == LSK_FLOAT32) CHECK(relative_l2(actual.output, reference.output) <= 1e-5);
    if (c.score == LSK_SOFTMAX) check_close("log_sum_exp", actual.log_sum_exp, reference.log_sum_exp, LSK_FLOAT32, 64);
}

const char* const kernels[] = {"thin16", "thin32", "tiled64", "tiled128"};
}  // namespace

TEST_SUITE("cross_attention") {
    TEST_CASE("every kernel, storage type and form over ragged lengths") {
        for (const char* kernel : kernels)
            for (const lsk_dtype dtype : all_dtypes)
                for (const int form : {LSK_SHARED, LSK_PROJECTED}) {
                    CAPTURE(kernel);
                    AttentionCase c{.targets = {3, 0, 1, 5, 2, 2}, .history = {65, 20, 0, 1, 15, 17}, .dtype = dtype, .form = form};
                    c.heads = form == LSK_SHARED ? 3 : 4;
                    c.key_value_heads = form == LSK_SHARED ? 1 : 2;
                    c.width = 32;
                    check(c, {kernel, 0});
                }
    }
}
