#include <functional>
#include "support/compare.h"
#include "support/device.h"
#include "support/samples.h"

using namespace lsk::test;

namespace {
struct Case {
    std::vector<int64_t> lengths;
    int heads, key_width, value_width;
    lsk_activation row = LSK_ACTIVATION_SILU, state = LSK_ACTIVATION_SILU;
    float scale = 0.1f;
    bool self = false;
};

std::vector<Case> cases() {
    std::vector<Case> all{
        {{}, 2, 8, 8},
        {{0, 0}, 2, 16, 16},
        {{1, 63, 0, 64, 65}, 1, 64, 64},
        {{3, 9, 126}, 2, 24, 40, LSK_ACTIVATION_SHIFTED_ELU, LSK_ACTIVATION_IDENTITY, 1.0f, true},
        {{70}, 3, 33, 7, LSK_ACTIVATION_IDENTITY, LSK_ACTIVATION_SHIFTED_ELU, 0.5f, true},
        {{5, 128}, 1, 1, 1, LSK_ACTIVATION_SILU, LSK_ACTIVATION_SILU, 1.0f, true},
        {{100, 2}, 1, 72, 136, LSK_ACTIVATION_SILU, LSK_ACTIVATION_SILU, 0.1f, true},
        {{700, 1, 90}, 1, 32, 32, LSK_ACTIVATION_SHIFTED_ELU, LSK_ACTIVATION_SILU, 0.05f, true},
    };
    return all;
}

double activate(lsk_activation activation, double x) {
    if (activation == LSK_ACTIVATION_SILU) return x / (1 + std::exp(-x));
    if (activation == LSK_ACTIVATION_SHIFTED_ELU) return x >= 1 ? x : std::exp(x - 1);
    return x;
}

double derivative(lsk_activation activation, double x) {
    const double sigmoid = 1 / (1 + std::exp(-x));
    if (activation == LSK_ACTIVATION_SILU) return sigmoid * (1 + x * (1 - sigmoid));
    if (activation == LSK_ACTIVATION_SHIFTED_ELU) return x >= 1 ? 1 : std::exp(x - 1);
    return 1;
}

// What a computation rounds its intermediate results to: nothing for the reference, the storage type for the naive twin.
using Rounding = std::function<double(double)>;
const Rounding exact = [](double x) { return x; };
Rounding to(lsk_dtype dtype) {
    return [dtype](double x) { return rounded(x, dtype); };
}

struct Problem {
    Case c;
    lsk_dtype dtype;
    std::vector<int64_t> offsets = offsets_of(c.lengths);
    size_t rows = static_cast<size_t>(offsets.back());
    size_t state_size = c.lengths.size() * size_t(c.heads) * size_t(c.key_width) * size_t(c.value_width);
    std::vector<double> keys = sample(1, rows * key_row()), values = sample(2, rows * value_row());
    std::vector<double> self_keys = sample(3, rows * key_row()), self_values = sample(4, rows * value_row());
    std::vector<double> state = rounded(normal(state_size, 5, 3), LSK_FLOAT32), before = rounded(normal(state_size, 6), LSK_FLOAT32);

    size_t key_row() const { return size_t(c.heads) * size_t(c.key_width); }
    size_t value_row() const { return size_t(c.heads) * size_t(c.value_width); }
    std::vector<double> sample(uint64_t seed, size_t count) const { return rounded(normal(count, seed), dtype); }
    lsk_linear_attention_shape shape() const {
        return {sizeof(lsk_linear_attention_shape), dtype, c.heads, c.key_width, c.value_width, c.row, c.state, c.scale,
                static_cast<int64_t>(c.lengths.size()), offsets.data()};
    }

    // Calls visit(segment and head, index of the row's keys, of its values, of the state).
    template <class Visit>
    void each_row(Visit visit) const {
        for (size_t segment = 0; segment < c.lengths.size(); segment++)
            for (size_t row = size_t(offsets[segment]); row < size_t(offsets[segment + 1]); row++)
                for (size_t head = 0; head < size_t(c.heads); head++)
                    visit(row * key_row() + head * size_t(c.key_width), row * value_row() + head * size_t(c.value_width),
                          (segment * size_t(c.heads) + head) * size_t(c.key_width * c.value_width));
    }
};

// sum over rows of phi1(key) value^T.
std::vector<double> state_sums(const Problem& p, const std::vector<double>& values, const Rounding& round) {
    std::vector<double> sums(p.state_size);
    p.each_row([&](size_t key, size_t value, size_t state) {
        for (int i = 0; i < p.c.key_width; i++)
            for (int j = 0; j < p.c.value_width; j++)
                sums[state + size_t(i * p.c.value_width + j)] += round(activate(p.c.row, p.keys[key + size_t(i)])) * values[value + size_t(j)];
    });
    return sums;
}

// What is read of the state: phi2(s M), or the state itself.
std::vector<double> reading(const Problem& p, bool raw, const Rounding& round) {
    std::vector<double> read = p.state;
    for (double& value : read) value = round(raw ? value : activate(p.c.state, double(p.c.scale) * value));
    return read;
}

// phi1(key) S, and with a self term + (phi1(key) . phi1(self key)) self value.
std::vector<double> to_values(const Problem& p, const std::vector<double>& read, bool self, const Rounding& round) {
    std::vector<double> output(p.values.size());
    p.each_row([&](size_t key, size_t value, size_t state) {
        double dot = 0;
        for (int j = 0; j < p.c.value_width; j++) {
            double sum = 0;
            for (int i = 0; i < p.c.key_width; i++) sum += round(activate(p.c.row, p.keys[key + size_t(i)])) * read[state + size_t(i * p.c.value_width + j)];
            output[value + size_t(j)] = sum;
        }
        if (self) {
            for (size_t i = 0; i < size_t(p.c.key_width); i++) dot += round(activate(p.c.row, p.keys[key + i])) * round(activate(p.c.row, p.self_keys[key + i]));
            for (size_t j = 0; j < size_t(p.c.value_width); j++) output[value + j] += round(dot) * p.self_values[value + j];
        }
        for (size_t j = 0; j < size_t(p.c.value_width); j++) output[value + j] = round(output[value + j]);
    });
    return output;
}

// phi1'(key) * (value S^T + (value . self value) phi1(self key)).
std::vector<double> to_keys(const Problem& p, const std::vector<double>& read, bool self, const Rounding& round) {
    std::vector<double> output(p.keys.size());
    p.each_row([&](size_t key, size_t value, size_t state) {
        double dot = 0;
        for (size_t j = 0; self && j < size_t(p.c.value_width); j++) dot += p.values[value + j] * p.self_values[value + j];
        for (size_t i = 0; i < size_t(p.c.key_width); i++) {
            double sum = self ? round(dot) * round(activate(p.c.row, p.self_keys[key + i])) : 0;
            for (size_t j = 0; j < size_t(p.c.value_width); j++) sum += p.values[value + j] * read[state + i * size_t(p.c.value_width) + j];
            output[key + i] = round(round(sum) * round(derivative(p.c.row, p.keys[key + i])));
        }
    });
    return output;
}

struct SelfGradients {
    std::vector<double> keys, values;
};

SelfGradients self_gradients(const Problem& p, const Rounding& round) {
    SelfGradients gradients{std::vector<double>(p.keys.size()), std::vector<double>(p.values.size())};
    p.each_row([&](size_t key, size_t value, size_t) {
        double key_dot = 0, value_dot = 0;
        for (size_t i = 0; i < size_t(p.c.key_width); i++) key_dot += round(activate(p.c.row, p.keys[key + i])) * round(activate(p.c.row, p.self_keys[key + i]));
        for (size_t j = 0; j < size_t(p.c.value_width); j++) value_dot += p.values[value + j] * p.self_values[value + j];
        for (size_t i = 0; i < size_t(p.c.key_width); i++)
            gradients.keys[key + i] = round(round(value_dot) * round(activate(p.c.row, p.keys[key + i])) * round(derivative(p.c.row, p.self_keys[key + i])));
        for (size_t j = 0; j < size_t(p.c.value_width); j++) gradients.values[value + j] = round(round(key_dot) * p.values[value + j]);
    });
    return gradients;
}

double largest(const std::vector<double>& values) {
    double most = 0;
    for (const double value : values) most = std::max(most, std::abs(value));
    return most;
}

// The FlashAttention rule; the trifle is two roundings of the largest element.
void check(const char* what, Tensor& actual, const std::vector<double>& reference, const std::vector<double>& naive, lsk_dtype dtype) {
    check_against_naive(what, actual.values(), reference, naive, (dtype == LSK_FLOAT32 ? 8 : 2) * unit_roundoff(dtype) * largest(reference));
}

std::vector<double> added(std::vector<double> a, const std::vector<double>& b) {
    for (size_t i = 0; i < a.size(); i++) a[i] += b[i];
    return a;
}

template <class Run>
void each_problem(Run run) {
    for (const Case& c : cases())
        for (const lsk_dtype dtype : all_dtypes) {
            const std::string label = std::to_string(c.lengths.size()) + " segments, " + std::to_string(c.heads) + " heads, " + std::to_string(c.key_width) + " x " +
                                      std::to_string(c.value_width) + ", activations " + std::to_string(c.row) + " " + std::to_string(c.state) + ", dtype " +
                                      std::to_string(dtype);
            CAPTURE(label);
            run(Problem{c, dtype});
        }
}
}  // namespace

TEST_SUITE("linear_attention") {
    TEST_CASE("the state is the sum over the history, as accurate as fp32 for every storage type") {
        each_problem([](const Problem& p) {
            const Device device;
            Plan plan;
            const lsk_linear_attention_shape shape = p.shape();
            succeed(lsk_linear_attention_state_plan(device.context, &shape, &plan.handle));
            const Workspace workspace(device, plan, LSK_FORWARD);
            const Tensor keys(device, p.dtype, p.keys), values(device, p.dtype, p.values);
            Tensor state(device, LSK_FLOAT32, p.before), again(device, LSK_FLOAT32, p.before);
            lsk_linear_attention_state_tensors tensors{sizeof tensors, keys.pointer(), values.pointer(), state.floats(), nullptr, nullptr};
            succeed(lsk_linear_attention_state_forward(plan.handle, &tensors, workspace.buffer, device.stream));
            const std::vector<double> expected = added(p.before, state_sums(p, p.values, exact));
            check_close("state", state.values(), expected, LSK_FLOAT32, 60);
            CHECK(relative_l2(state.values(), expected) < 3e-6);
            tensors.state = again.floats();
            succeed(lsk_linear_attention_state_forward(plan.handle, &tensors, workspace.buffer, device.stream));
            CHECK(state.raw() == again.raw());
        });
    }

    TEST_CASE("gradients of the state's rows follow the definition") {
        each_problem([](const Problem& p) {
            const Device device;
            Plan plan;
            const lsk_linear_attention_shape shape = p.shape();
            succeed(lsk_linear_attention_state_plan(device.context, &shape, &plan.handle));
            const Tensor keys(device, p.dtype, p.keys), values(device, p.dtype, p.values), state(device, LSK_FLOAT32, p.state);
            Tensor key_gradient(device, p.dtype, p.keys.size()), value_gradient(device, p.dtype, p.values.size());
            const lsk_linear_attention_state_tensors tensors{sizeof tensors,       keys.pointer(),         values.pointer(), state.floats(),
                                                             key_gradient.pointer(), value_gradient.pointer()};
            succeed(lsk_linear_attention_state_backward(plan.handle, &tensors, nullptr, device.stream));
            const Rounding naive = to(p.dtype);
            check("key_gradient", key_gradient, to_keys(p, p.state, false, exact), to_keys(p, reading(p, true, naive), false, naive), p.dtype);
            check("value_gradient", value_gradient, to_values(p, p.state, false, exact), to_values(p, reading(p, true, naive), false, naive), p.dtype);
        });
    }

    TEST_CASE("rows read the state, and targets themselves") {
        each_problem([](const Problem& p) {
            const Device device;
            Plan plan;
            const lsk_linear_attention_shape shape = p.shape();
            succeed(lsk_linear_attention_apply_plan(device.context, &shape, &plan.handle));
            const Tensor queries(device, p.dtype, p.keys), self_keys(device, p.dtype, p.self_keys), self_values(device, p.dtype, p.self_values);
            const Tensor state(device, LSK_FLOAT32, p.state);
            Tensor output(device, p.dtype, p.values.size());
            lsk_linear_attention_apply_tensors tensors{};
            tensors.struct_size = sizeof tensors;
            tensors.queries = queries.pointer();
            tensors.state = state.floats();
            tensors.self_keys = p.c.self ? self_keys.pointer() : nullptr;
            tensors.self_values = p.c.self ? self_values.pointer() : nullptr;
            tensors.output = output.pointer();
            succeed(lsk_linear_attention_apply_forward(plan.handle, &tensors, nullptr, device.stream));
            const Rounding naive = to(p.dtype);
            check("output", output, to_values(p, reading(p, false, exact), p.c.self, exact), to_values(p, reading(p, false, naive), p.c.self, naive), p.dtype);
            const std::vector<std::byte> first = output.raw();
            succeed(lsk_linear_attention_apply_forward(plan.handle, &tensors, nullptr, device.stream));
            CHECK(first == output.raw());
        });
    }

    TEST_CASE("gradients of reading follow the definition; that of the state is added to") {
        each_problem([](const Problem& p) {
            const Device device;
            Plan plan;
            const lsk_linear_attention_shape shape = p.shape();
            succeed(lsk_linear_attention_apply_plan(device.context, &shape, &plan.handle));
            const Workspace workspace(device, plan, LSK_BACKWARD);
            const Tensor queries(device, p.dtype, p.keys), self_keys(device, p.dtype, p.self_keys), self_values(device, p.dtype, p.self_values);
            const Tensor state(device, LSK_FLOAT32, p.state), output_gradient(device, p.dtype, p.values);
            Tensor query_gradient(device, p.dtype, p.keys.size()), state_gradient(device, LSK_FLOAT32, p.before);
            Tensor self_key_gradient(device, p.dtype, p.keys.size()), self_value_gradient(device, p.dtype, p.values.size());
            lsk_linear_attention_apply_tensors tensors{};
            tensors.struct_size = sizeof tensors;
            tensors.queries = queries.pointer();
            tensors.state = state.floats();
            tensors.output_gradient = output_gradient.pointer();
            tensors.query_gradient = query_gradient.pointer();
            tensors.state_gradient = state_gradient.floats();
            if (p.c.self) {
                tensors.self_keys = self_keys.pointer();
                tensors.self_values = self_values.pointer();
                tensors.self_key_gradient = self_key_gradient.pointer();
                tensors.self_value_gradient = self_value_gradient.pointer();
            }
            succeed(lsk_linear_attention_apply_backward(plan.handle, &tensors, workspace.buffer, device.stream));
            const Rounding naive = to(p.dtype);
            check("query_gradient", query_gradient, to_keys(p, reading(p, false, exact), p.c.self, exact), to_keys(p, reading(p, false, naive), p.c.self, naive), p.dtype);
            std::vector<double> of_state = state_sums(p, p.values, exact);
            for (size_t i = 0; i < of_state.size(); i++) of_state[i] = p.before[i] + of_state[i] * p.c.scale * derivative(p.c.state, double(p.c.scale) * p.state[i]);
            check_close("state_gradient", state_gradient.values(), of_state, LSK_FLOAT32, 60);
            if (!p.c.self) return;
            const SelfGradients expected = self_gradients(p, exact), low = self_gradients(p, naive);
            check("self_key_gradient", self_key_gradient, expected.keys, low.keys, p.dtype);
            check("self_value_gradient", self_value_gradient, expected.values, low.values, p.dtype);
        });
    }
}
