#include <functional>
#include "support/compare.h"
#include "support/device.h"
#include "support/samples.h"

using namespace lsk::test;

namespace {
struct Case {
    std::vector<int64_t> lengths;
    int prototypes, key_width, value_width;
    lsk_normalization normalization = LSK_NORMALIZATION_NONE;
    double deviation = 1;  // of the prototypes
};

const Case cases[] = {
    {{}, 8, 16, 16},
    {{0, 0}, 8, 16, 16, LSK_NORMALIZATION_MASS},
    {{1, 63, 0, 64, 65}, 64, 64, 64},
    {{70, 3}, 1, 1, 1},
    {{9, 126}, 65, 24, 40, LSK_NORMALIZATION_MASS},
    {{66}, 130, 33, 7, LSK_NORMALIZATION_NONE, 8},
    {{20, 0, 130}, 63, 128, 72, LSK_NORMALIZATION_MASS},
    {{600, 1, 40}, 12, 16, 128},
    {{70, 3, 0}, 65, 256, 136, LSK_NORMALIZATION_MASS},
    {{33}, 5, 72, 250},
    {{129, 0, 66}, 12, 192, 256, LSK_NORMALIZATION_MASS, 4},
    {{40, 1}, 70, 250, 192},
};

using Rounding = std::function<double(double)>;
const Rounding exact = [](double x) { return x; };
Rounding to(lsk_dtype dtype) {
    return [dtype](double x) { return rounded(x, dtype); };
}

struct Problem {
    Case c;
    lsk_dtype dtype;
    size_t count = size_t(c.prototypes), dk = size_t(c.key_width), dv = size_t(c.value_width), segments = c.lengths.size();
    std::vector<int64_t> offsets = offsets_of(c.lengths);
    size_t tokens = size_t(offsets.back());
    float scale = 1.0f / std::sqrt(float(c.key_width));
    std::vector<double> prototypes = sample(1, count * dk, c.deviation), keys = sample(2, tokens * dk), values = sample(3, tokens * dv);
    std::vector<double> sketch_gradient = sample(4, segments * count * dv);

    std::vector<double> sample(uint64_t seed, size_t elements, double factor = 1) const { return rounded(normal(elements, seed, factor), dtype); }
    lsk_sketch_attention_shape shape() const {
        return {sizeof(lsk_sketch_attention_shape), dtype, c.prototypes, c.key_width, c.value_width, scale, c.normalization, 0, int64_t(segments), offsets.data()};
    }
};

double dot(const double* a, const double* b, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += a[i] * b[i];
    return sum;
}

// The weights of a token over the prototypes.
std::vector<double> spread(const Problem& p, size_t token, double& log_sum_exp) {
    std::vector<double> weights(p.count);
    double top = -std::numeric_limits<double>::infinity(), sum = 0;
    for (size_t j = 0; j < p.count; j++) {
        weights[j] = double(p.scale) * dot(&p.prototypes[j * p.dk], &p.keys[token * p.dk], p.dk);
        top = std::max(top, weights[j]);
    }
    for (const double logit : weights) sum += std::exp(logit - top);
    log_sum_exp = top + std::log(sum);
    for (double& weight : weights) weight = std::exp(weight - log_sum_exp);
    return weights;
}

struct Forward {
    std::vector<double> sketch, log_sum_exps, mass;
};

Forward forward(const Problem& p, const Rounding& round) {
    Forward f{std::vector<double>(p.segments * p.count * p.dv), std::vector<double>(p.tokens), std::vector<double>(p.segments * p.count)};
    for (size_t segment = 0; segment < p.segments; segment++) {
        for (auto token = size_t(p.offsets[segment]); token < size_t(p.offsets[segment + 1]); token++) {
            const std::vector<double> weights = spread(p, token, f.log_sum_exps[token]);
            for (size_t j = 0; j < p.count; j++) {
                f.mass[segment * p.count + j] += weights[j];
                for (size_t i = 0; i < p.dv; i++) f.sketch[(segment * p.count + j) * p.dv + i] += round(weights[j]) * p.values[token * p.dv + i];
            }
        }
        for (size_t j = 0; j < p.count; j++) {
            const double divisor = p.c.normalization == LSK_NORMALIZATION_MASS ? f.mass[segment * p.count + j] + 1e-8 : 1;
            for (size_t i = 0; i < p.dv; i++) {
                double& element = f.sketch[(segment * p.count + j) * p.dv + i];
                element = round(round(element) / divisor);
            }
        }
    }
    return f;
}

struct Gradients {
    std::vector<double> prototypes, keys, values;
};

Gradients backward(const Problem& p, const Forward& f, const Rounding& round) {
    Gradients g{std::vector<double>(p.prototypes.size()), std::vector<double>(p.keys.size()), std::vector<double>(p.values.size())};
    for (size_t segment = 0; segment < p.segments; segment++) {
        std::vector<double> sums(p.sketch_gradient.begin() + ptrdiff_t(segment * p.count * p.dv), p.sketch_gradient.begin() + ptrdiff_t((segment + 1) * p.count * p.dv));
        std::vector<double> of_mass(p.count);
        for (size_t j = 0; j < p.count && p.c.normalization == LSK_NORMALIZATION_MASS; j++) {
            const double divisor = f.mass[segment * p.count + j] + 1e-8;
            of_mass[j] = -dot(&sums[j * p.dv], &f.sketch[(segment * p.count + j) * p.dv], p.dv) / divisor;
            for (size_t i = 0; i < p.dv; i++) sums[j * p.dv + i] = round(sums[j * p.dv + i] / divisor);
        }
        for (auto token = size_t(p.offsets[segment]); token < size_t(p.offsets[segment + 1]); token++) {
            double ignored, mean = 0;
            const std::vector<double> weights = spread(p, token, ignored);
            std::vector<double> gradients(p.count);
            for (size_t j = 0; j < p.count; j++) {
                for (size_t i = 0; i < p.dv; i++) g.values[token * p.dv + i] += round(weights[j]) * sums[j * p.dv + i];
                gradients[j] = round(dot(&sums[j * p.dv], &p.values[token * p.dv], p.dv) + of_mass[j]);
                mean += weights[j] * gradients[j];
            }
            for (size_t j = 0; j < p.count; j++) {
                const double product = round(round(weights[j]) * (gradients[j] - mean) * double(p.scale));
                for (size_t i = 0; i < p.dk; i++) {
                    g.keys[token * p.dk + i] += product * p.prototypes[j * p.dk + i];
                    g.prototypes[j * p.dk + i] += product * p.keys[token * p.dk + i];
                }
            }
        }
    }
    for (std::vector<double>* gradient : {&g.prototypes, &g.keys, &g.values})
        for (double& value : *gradient) value = round(value);
    return g;
}

double largest(const std::vector<double>& values) {
    double most = 0;
    for (const double value : values) most = std::max(most, std::abs(value));
    return most;
}

// The FlashAttention rule. The trifle: roundings of the largest element, and that of a weight by the LSE, which is stored in fp32.
void check(const char* what, Tensor& actual, const std::vector<double>& reference, const std::vector<double>& naive, lsk_dtype dtype, double largest_lse) {
    const double tiny = (dtype == LSK_FLOAT32 ? 8 : 2) * unit_roundoff(dtype) + unit_roundoff(LSK_FLOAT32) * largest_lse;
    check_against_naive(what, actual.values(), reference, naive, tiny * (largest(reference) + 0.3));
}

template <class Run>
void each_problem(Run run) {
    for (const Case& c : cases)
        for (const lsk_dtype dtype : all_dtypes) {
            const std::string label = std::to_string(c.lengths.size()) + " segments, " + std::to_string(c.prototypes) + " prototypes, " + std::to_string(c.key_width) + " x " +
                                      std::to_string(c.value_width) + ", normalization " + std::to_string(c.normalization) + ", dtype " + std::to_string(dtype);
            CAPTURE(label);
            run(Problem{c, dtype});
        }
}
}  // namespace

TEST_SUITE("sketch_attention") {
    TEST_CASE("every token spreads itself over the prototypes") {
        each_problem([](const Problem& p) {
            const Device device;
            Plan plan;
            const lsk_sketch_attention_shape shape = p.shape();
            succeed(lsk_sketch_attention_plan(device.context, &shape, &plan.handle));
            const Workspace workspace(device, plan, LSK_FORWARD);
            const Tensor prototypes(device, p.dtype, p.prototypes), keys(device, p.dtype, p.keys), values(device, p.dtype, p.values);
            Tensor sketch(device, p.dtype, p.segments * p.count * p.dv), lses(device, LSK_FLOAT32, p.tokens), mass(device, LSK_FLOAT32, p.segments * p.count);
            const lsk_sketch_attention_tensors tensors{sizeof tensors,   prototypes.pointer(), keys.pointer(), values.pointer(),
                                                       sketch.pointer(), lses.floats(),        mass.floats()};
            succeed(lsk_sketch_attention_forward(plan.handle, &tensors, workspace.buffer, device.stream));
            const Forward expected = forward(p, exact), naive = forward(p, to(p.dtype));
            const double largest_lse = largest(expected.log_sum_exps);
            check("sketch", sketch, expected.sketch, naive.sketch, p.dtype, largest_lse);
            check_close("token_log_sum_exp", lses.values(), expected.log_sum_exps, LSK_FLOAT32, 32);
            check_close("mass", mass.values(), expected.mass, LSK_FLOAT32, 32 + largest_lse);
            const std::vector<std::byte> first = sketch.raw();
            succeed(lsk_sketch_attention_forward(plan.handle, &tensors, workspace.buffer, device.stream));
            CHECK(first == sketch.raw());
        });
    }

    TEST_CASE("gradients follow the definition") {
        each_problem([](const Problem& p) {
            const Device device;
            Plan plan;
            const lsk_sketch_attention_shape shape = p.shape();
            succeed(lsk_sketch_attention_plan(device.context, &shape, &plan.handle));
            const Workspace workspace(device, plan, LSK_BACKWARD), forward_workspace(device, plan, LSK_FORWARD);
            const Forward expected = forward(p, exact);
            const Tensor prototypes(device, p.dtype, p.prototypes), keys(device, p.dtype, p.keys), values(device, p.dtype, p.values);
            const Tensor sketch(device, p.dtype, p.segments * p.count * p.dv), lses(device, LSK_FLOAT32, p.tokens), mass(device, LSK_FLOAT32, p.segments * p.count);
            const Tensor sketch_gradient(device, p.dtype, p.sketch_gradient);
            Tensor prototype_gradient(device, p.dtype, p.prototypes.size()), key_gradient(device, p.dtype, p.keys.size()), value_gradient(device, p.dtype, p.values.size());
            const lsk_sketch_attention_tensors tensors{sizeof tensors,   prototypes.pointer(), keys.pointer(), values.pointer(),
                                                       sketch.pointer(), lses.floats(),        mass.floats()};
            const lsk_sketch_attention_gradients gradients{sizeof gradients, sketch_gradient.pointer(), prototype_gradient.pointer(), key_gradient.pointer(),
                                                           value_gradient.pointer()};
            succeed(lsk_sketch_attention_forward(plan.handle, &tensors, forward_workspace.buffer, device.stream));
            succeed(lsk_sketch_attention_backward(plan.handle, &tensors, &gradients, workspace.buffer, device.stream));
            const Gradients exactly = backward(p, expected, exact), naive = backward(p, forward(p, to(p.dtype)), to(p.dtype));
            const double largest_lse = largest(expected.log_sum_exps);
            check("prototype_gradient", prototype_gradient, exactly.prototypes, naive.prototypes, p.dtype, largest_lse);
            check("key_gradient", key_gradient, exactly.keys, naive.keys, p.dtype, largest_lse);
            check("value_gradient", value_gradient, exactly.values, naive.values, p.dtype, largest_lse);
            const std::vector<std::byte> first = prototype_gradient.raw();
            succeed(lsk_sketch_attention_backward(plan.handle, &tensors, &gradients, workspace.buffer, device.stream));
            CHECK(first == prototype_gradient.raw());
        });
    }

    TEST_CASE("widths that shared memory has no room for are refused by name") {
        const Device device;
        Plan plan;
        const int64_t offsets[] = {0, 4};
        const lsk_sketch_attention_shape shape{sizeof shape, LSK_BFLOAT16, 8, 64, 257, 1.0f, LSK_NORMALIZATION_NONE, 0, 1, offsets};
        CHECK(lsk_sketch_attention_plan(device.context, &shape, &plan.handle) == LSK_UNSUPPORTED);
        CHECK(std::string(lsk_last_error()).find("value_width was 257") != std::string::npos);
    }
}
