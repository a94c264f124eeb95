// Runs cases of cross attention on the device and holds them against the twin.
#pragma once
#include <optional>
#include "api/cross_attention_plan.h"
#include "support/compare.h"
#include "support/cross_attention_twin.h"
#include "support/device.h"

namespace lsk::test {

// The keys and values of a case, elements or codes, between NaN.
class DeviceHistory {
public:
    DeviceHistory(const Device& device, const AttentionInputs& in) : shared_(in.c.form == LSK_SHARED) {
        if (in.c.encoding == LSK_HISTORY_ENCODING_NONE) {
            keys_.emplace(device, in.c.dtype, in.keys);
            values_.emplace(device, in.c.dtype, in.values);
        } else {
            key_codes_.emplace(device, in.key_codes);
            value_codes_.emplace(device, in.value_codes);
        }
    }

    void into(lsk_cross_attention_tensors& tensors) const {
        tensors.keys = keys_ ? keys_->pointer() : key_codes_->codes.pointer();
        if (key_codes_) tensors.key_scales = key_codes_->scales.floats();
        if (shared_) return;
        tensors.values = values_ ? values_->pointer() : value_codes_->codes.pointer();
        if (value_codes_) tensors.value_scales = value_codes_->scales.floats();
    }

private:
    struct Codes {
        DeviceBytes codes;
        Tensor scales;

        Codes(const Device& device, const Encoded& e) : codes(device, e.codes.size()), scales(device, LSK_FLOAT32, std::vector<double>(e.scales.begin(), e.scales.end())) {
            codes.write(e.codes);
        }
    };

    bool shared_;
    std::optional<Tensor> keys_, values_;
    std::optional<Codes> key_codes_, value_codes_;
};

struct Outcome {
    std::vector<double> output, log_sum_exp;
    std::vector<std::byte> bytes;
    std::string explanation;
};

// Runs a case twice in the same workspace, with the kernel that `pin` names.
inline Outcome run(const AttentionInputs& in, const lsk::ForwardPin& pin) {
    const Device device;
    Plan plan;
    const lsk_cross_attention_shape shape = in.shape();
    succeed(lsk::cross_attention_plan(device.context, &shape, pin, &plan.handle));
    const Tensor queries(device, in.c.dtype, in.queries), bias(device, LSK_FLOAT32, in.bias);
    const DeviceHistory history(device, in);
    Tensor output(device, in.c.output_dtype(), size_t(in.rows()) * in.c.width), lse(device, LSK_FLOAT32, size_t(in.rows()));
    const bool softmax = in.c.score == LSK_SOFTMAX;
    lsk_cross_attention_tensors tensors{sizeof tensors, queries.pointer(), nullptr, nullptr, nullptr, nullptr, in.c.bias ? bias.floats() : nullptr, output.pointer(), softmax ? lse.floats() : nullptr};
    history.into(tensors);
    const Workspace workspace(device, plan, LSK_FORWARD);
    succeed(lsk_cross_attention_forward(plan.handle, &tensors, workspace.buffer, device.stream));
    Outcome outcome{output.values(), {}, output.raw(), plan.explain()};
    if (softmax) outcome.log_sum_exp = lse.values();
    Tensor again(device, in.c.output_dtype(), size_t(in.rows()) * in.c.width);  // poisoned: what the second run leaves out is seen
    tensors.output = again.pointer();
    succeed(lsk_cross_attention_forward(plan.handle, &tensors, workspace.buffer, device.stream));
    CHECK(outcome.bytes == again.raw());
    return outcome;
}

// Returns the plan's explanation.
inline std::string check(const AttentionCase& c, const lsk::ForwardPin& pin = {}) {
    const AttentionInputs in(c);
    const Outcome actual = run(in, pin);
    CAPTURE(actual.explanation);
    CAPTURE(c.dtype);
    CAPTURE(c.form);
    CAPTURE(c.width);
    CAPTURE(c.heads);
    CAPTURE(c.encoding);
    const AttentionInputs stored = in.stored();
    const AttentionResult reference = attend(in), naive = attend(stored, true);
    double largest = 1e-30;
    for (const double value : reference.output) largest = std::max(largest, std::abs(value));
    check_against_naive("output", actual.output, reference.output, naive.output, 1e-5 * largest);
    if (c.dtype == LSK_FLOAT32) CHECK(relative_l2(actual.output, reference.output) <= 1e-5);
    if (c.score == LSK_SOFTMAX) check_close("log_sum_exp", actual.log_sum_exp, attend(stored).log_sum_exp, LSK_FLOAT32, 64);
    return actual.explanation;
}

}  // namespace lsk::test
