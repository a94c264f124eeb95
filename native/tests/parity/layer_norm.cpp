#include "support/compare.h"
#include "support/device.h"
#include "support/samples.h"

using namespace lsk::test;

namespace {
constexpr float epsilon = 1e-5f;

struct Case {
    int rows, width;
};
constexpr Case cases[] = {{0, 32}, {1, 1}, {3, 7}, {9, 8}, {63, 20}, {126, 64}, {65, 100}, {128, 128}, {5, 256}, {3, 513}, {2, 1032}, {700, 16}};

struct Data {
    Case c;
    lsk_dtype dtype;
    std::vector<double> input, gain, bias, gradient;

    Data(const Case& shape, lsk_dtype type, double mean = 0) : c(shape), dtype(type) {
        const size_t elements = size_t(c.rows) * c.width, width = size_t(c.width);
        input = normal(elements, 1);
        for (double& x : input) x += mean;
        input = rounded(input, dtype);
        gain = rounded(normal(width, 2), dtype);
        bias = rounded(normal(width, 3), dtype);
        gradient = rounded(normal(elements, 4), dtype);
    }
    lsk_layer_norm_shape shape() const { return {sizeof(lsk_layer_norm_shape), dtype, c.rows, c.width, epsilon}; }

    double mean(int row) const {
        double sum = 0;
        for (int i = 0; i < c.width; i++) sum += input[size_t(row) * c.width + i];
        return sum / c.width;
    }
    double inverse_deviation(int row) const {
        const double m = mean(row);
        double sum = 0;
        for (int i = 0; i < c.width; i++) sum += std::pow(input[size_t(row) * c.width + i] - m, 2);
        return 1 / std::sqrt(sum / c.width + double(epsilon));
    }
    // (x - mean) / deviation.
    std::vector<double> normalized() const {
        std::vector<double> n(input.size());
        for (int row = 0; row < c.rows; row++) {
            const double m = mean(row), inverse = inverse_deviation(row);
            for (int i = 0; i < c.width; i++) n[size_t(row) * c.width + i] = (input[size_t(row) * c.width + i] - m) * inverse;
        }
        return n;
    }
};

std::vector<double> output_of(const Data& d, bool affine) {
    std::vector<double> y = d.normalized();
    for (size_t i = 0; i < y.size() && affine; i++) y[i] = y[i] * d.gain[i % size_t(d.c.width)] + d.bias[i % size_t(d.c.width)];
    return y;
}

struct Gradients {
    std::vector<double> input, gain, bias;
};

Gradients gradients_of(const Data& d, bool affine) {
    const size_t width = size_t(d.c.width);
    const std::vector<double> n = d.normalized();
    Gradients g{std::vector<double>(n.size()), std::vector<double>(width), std::vector<double>(width)};
    for (int row = 0; row < d.c.rows; row++) {
        const double inverse = d.inverse_deviation(row);
        double mean = 0, product = 0;
        for (size_t i = 0; i < width; i++) {
            const size_t at = size_t(row) * width + i;
            const double scaled = d.gradient[at] * (affine ? d.gain[i] : 1);
            mean += scaled / double(width);
            product += scaled * n[at] / double(width);
            g.gain[i] += d.gradient[at] * n[at];
            g.bias[i] += d.gradient[at];
        }
        for (size_t i = 0; i < width; i++) {
            const size_t at = size_t(row) * width + i;
            g.input[at] = (d.gradient[at] * (affine ? d.gain[i] : 1) - mean - n[at] * product) * inverse;
        }
    }
    return g;
}
}  // namespace

TEST_SUITE("layer_norm") {
    TEST_CASE("forward normalises every row") {
        const Device device;
        for (const lsk_dtype dtype : all_dtypes)
            for (const double mean : {0.0, 300.0})
                for (const Case& c : cases) {
                    CAPTURE(dtype); CAPTURE(mean); CAPTURE(c.rows); CAPTURE(c.width);
                    const bool affine = c.rows % 2 == 1;
                    const Data d(c, dtype, mean);
                    Plan plan;
                    const lsk_layer_norm_shape shape = d.shape();
                    succeed(lsk_layer_norm_plan(device.context, &shape, &plan.handle));
                    const Tensor input(device, dtype, d.input), gain(device, dtype, d.gain), bias(device, dtype, d.bias);
                    Tensor output(device, dtype, d.input.size());
                    lsk_layer_norm_tensors tensors{};
                    tensors.struct_size = sizeof tensors;
                    tensors.input = input.pointer();
                    tensors.gain = affine ? gain.pointer() : nullptr;
                    tensors.bias = affine ? bias.pointer() : nullptr;
                    tensors.output = output.pointer();
                    succeed(lsk_layer_norm_forward(plan.handle, &tensors, nullptr, device.stream));
                    check_close("output", output.values(), output_of(d, affine), dtype, dtype == LSK_FLOAT32 ? 16 : 1.1);
                }
    }

    TEST_CASE("gradients follow the definition, twice with the same bits") {
        const Device device;
        for (const lsk_dtype dtype : all_dtypes)
            for (const Case& c : cases) {
                CAPTURE(dtype); CAPTURE(c.rows); CAPTURE(c.width);
                const bool affine = c.rows % 2 == 1;
                const Data d(c, dtype);
                Plan plan;
                const lsk_layer_norm_shape shape = d.shape();
                succeed(lsk_layer_norm_plan(device.context, &shape, &plan.handle));
                const Workspace workspace(device, plan, LSK_BACKWARD);
                const Tensor input(device, dtype, d.input), gain(device, dtype, d.gain), gradient(device, dtype, d.gradient);
                const Gradients expected = gradients_of(d, affine);
                std::vector<std::byte> first[3];
                for (int run = 0; run < 2; run++) {
                    Tensor d_input(device, dtype, d.input.size()), d_gain(device, dtype, d.gain.size()), d_bias(device, dtype, d.bias.size());
                    lsk_layer_norm_tensors tensors{};
                    tensors.struct_size = sizeof tensors;
                    tensors.input = input.pointer();
                    tensors.gain = affine ? gain.pointer() : nullptr;
                    tensors.output_gradient = gradient.pointer();
                    tensors.input_gradient = d_input.pointer();
                    tensors.gain_gradient = d_gain.pointer();
                    tensors.bias_gradient = d_bias.pointer();
                    succeed(lsk_layer_norm_backward(plan.handle, &tensors, workspace.buffer, device.stream));
                    const std::vector<std::byte> bits[3] = {d_input.raw(), d_gain.raw(), d_bias.raw()};
                    if (run == 0) {
                        const double roundings = dtype == LSK_FLOAT32 ? 32 : 1.1;
                        check_close("input_gradient", d_input.values(), expected.input, dtype, roundings);
                        check_close("gain_gradient", d_gain.values(), expected.gain, dtype, roundings);
                        check_close("bias_gradient", d_bias.values(), expected.bias, dtype, roundings);
                        std::copy(bits, bits + 3, first);
                    }
                    for (int i = 0; i < 3; i++) CHECK(bits[i] == first[i]);
                }
            }
    }

    TEST_CASE("gradients that are not wanted are not computed") {
        const Device device;
        for (const Case& c : {Case{9, 40}, Case{3, 1032}}) {
            const Data d(c, LSK_FLOAT32);
            Plan plan;
            const lsk_layer_norm_shape shape = d.shape();
            succeed(lsk_layer_norm_plan(device.context, &shape, &plan.handle));
            const Workspace workspace(device, plan, LSK_BACKWARD);
            const Tensor input(device, LSK_FLOAT32, d.input), gradient(device, LSK_FLOAT32, d.gradient);
            Tensor d_bias(device, LSK_FLOAT32, d.bias.size());
            lsk_layer_norm_tensors tensors{};
            tensors.struct_size = sizeof tensors;
            tensors.input = input.pointer();
            tensors.output_gradient = gradient.pointer();
            succeed(lsk_layer_norm_backward(plan.handle, &tensors, workspace.buffer, device.stream));
            tensors.bias_gradient = d_bias.pointer();
            succeed(lsk_layer_norm_backward(plan.handle, &tensors, workspace.buffer, device.stream));
            check_close("bias_gradient", d_bias.values(), gradients_of(d, false).bias, LSK_FLOAT32, 32);
        }
    }
}
