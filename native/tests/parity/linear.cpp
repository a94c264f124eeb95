#include "support/compare.h"
#include "support/device.h"
#include "support/samples.h"

using namespace lsk::test;

namespace {
struct Case {
    int rows, input_width, output_width;
};

// Off every tile (128 or 64 rows, 128 columns, a depth of 64 or 32), and enough rows for the weight gradient to be split.
constexpr Case cases[] = {{0, 8, 8}, {1, 1, 1}, {3, 20, 7}, {9, 64, 33}, {63, 40, 128}, {64, 129, 72}, {130, 65, 136}, {65, 300, 16}, {1000, 24, 40}};

struct Data {
    Case c;
    lsk_dtype dtype;
    std::vector<double> input, weight, bias, gradient;

    Data(const Case& shape, lsk_dtype type) : c(shape), dtype(type) {
        input = rounded(normal(size_t(c.rows) * c.input_width, 1), dtype);
        weight = rounded(normal(size_t(c.input_width) * c.output_width, 2, 1 / std::sqrt(double(c.input_width))), dtype);
        bias = rounded(normal(size_t(c.output_width), 3), dtype);
        gradient = rounded(normal(size_t(c.rows) * c.output_width, 4), dtype);
    }
    lsk_linear_shape shape(lsk_output_mode mode) const { return {sizeof(lsk_linear_shape), dtype, c.rows, c.input_width, c.output_width, mode}; }

    std::vector<double> output() const {
        std::vector<double> y(gradient.size());
        for (int row = 0; row < c.rows; row++)
            for (int k = 0; k <= c.input_width; k++)
                for (int i = 0; i < c.output_width; i++)
                    y[size_t(row) * c.output_width + i] += k == c.input_width ? bias[size_t(i)] : input[size_t(row) * c.input_width + k] * weight[size_t(k) * c.output_width + i];
        return y;
    }
    std::vector<double> input_gradient() const {
        std::vector<double> dx(input.size());
        for (int row = 0; row < c.rows; row++)
            for (int k = 0; k < c.input_width; k++)
                for (int i = 0; i < c.output_width; i++) dx[size_t(row) * c.input_width + k] += gradient[size_t(row) * c.output_width + i] * weight[size_t(k) * c.output_width + i];
        return dx;
    }
    std::vector<double> weight_gradient() const {
        std::vector<double> dw(weight.size());
        for (int row = 0; row < c.rows; row++)
            for (int k = 0; k < c.input_width; k++)
                for (int i = 0; i < c.output_width; i++) dw[size_t(k) * c.output_width + i] += input[size_t(row) * c.input_width + k] * gradient[size_t(row) * c.output_width + i];
        return dw;
    }
    std::vector<double> bias_gradient() const {
        std::vector<double> db(bias.size());
        for (size_t i = 0; i < gradient.size(); i++) db[i % size_t(c.output_width)] += gradient[i];
        return db;
    }
};

std::vector<double> sum_of(std::vector<double> a, const std::vector<double>& b) {
    for (size_t i = 0; i < a.size(); i++) a[i] += b[i];
    return a;
}

// Relative L2 error for fp32; for storage types rounding alone, as the sums are fp32.
void check_product(const char* what, const std::vector<double>& actual, const std::vector<double>& expected, lsk_dtype dtype) {
    INFO(what);
    if (dtype == LSK_FLOAT32)
        CHECK(relative_l2(actual, expected) < 1e-6);
    else
        check_close(what, actual, expected, dtype, 1.1);
}

// What outputs hold before a run that adds.
std::vector<double> before(size_t count, lsk_dtype dtype) { return rounded(normal(count, 9), dtype); }

// A tensor for a result: poisoned, or with something to add to.
Tensor result(const Device& device, lsk_dtype dtype, size_t count, lsk_output_mode mode) {
    if (mode == LSK_ADD) return Tensor(device, dtype, before(count, dtype));
    return Tensor(device, dtype, count);
}
}  // namespace

TEST_SUITE("linear") {
    TEST_CASE("products of rows and weights, overwritten or added, twice with the same bits") {
        const Device device;
        for (const lsk_dtype dtype : all_dtypes)
            for (const Case& c : cases) {
                const Data d(c, dtype);
                for (const lsk_output_mode mode : {LSK_OVERWRITE, LSK_ADD}) {
                    if (dtype != LSK_FLOAT32 && mode != (c.rows % 2 ? LSK_ADD : LSK_OVERWRITE)) continue;  // both modes once is enough
                    CAPTURE(dtype);
                    CAPTURE(c.rows);
                    CAPTURE(c.input_width);
                    CAPTURE(c.output_width);
                    CAPTURE(mode);
                    const auto expect = [&](std::vector<double> values) { return mode == LSK_ADD ? sum_of(values, before(values.size(), dtype)) : values; };
                    Plan plan;
                    const lsk_linear_shape shape = d.shape(mode);
                    succeed(lsk_linear_plan(device.context, &shape, &plan.handle));
                    const Workspace forward(device, plan, LSK_FORWARD), backward(device, plan, LSK_BACKWARD);
                    const Tensor x(device, dtype, d.input), w(device, dtype, d.weight), b(device, dtype, d.bias), dy(device, dtype, d.gradient);
                    std::vector<std::vector<std::byte>> first;
                    for (int run = 0; run < 2; run++) {
                        Tensor y = result(device, dtype, d.gradient.size(), mode), dx = result(device, dtype, d.input.size(), mode);
                        Tensor dw = result(device, dtype, d.weight.size(), mode), db = result(device, dtype, d.bias.size(), mode);
                        lsk_linear_tensors tensors{};
                        tensors.struct_size = sizeof tensors;
                        tensors.input = x.pointer();
                        tensors.weight = w.pointer();
                        tensors.bias = b.pointer();
                        tensors.output = y.pointer();
                        succeed(lsk_linear_forward(plan.handle, &tensors, forward.buffer, device.stream));
                        tensors.output_gradient = dy.pointer();
                        tensors.input_gradient = dx.pointer();
                        tensors.weight_gradient = dw.pointer();
                        tensors.bias_gradient = db.pointer();
                        succeed(lsk_linear_backward(plan.handle, &tensors, backward.buffer, device.stream));
                        std::vector<std::vector<std::byte>> bits{y.raw(), dx.raw(), dw.raw(), db.raw()};
                        if (run == 1) {
                            CHECK(bits == first);
                            continue;
                        }
                        first = bits;
                        check_product("output", y.values(), expect(d.output()), dtype);
                        check_product("input_gradient", dx.values(), expect(d.input_gradient()), dtype);
                        check_product("weight_gradient", dw.values(), expect(d.weight_gradient()), dtype);
                        check_product("bias_gradient", db.values(), expect(d.bias_gradient()), dtype);
                    }
                }
            }
    }

    TEST_CASE("a long depth is split, and fp32 keeps its accuracy") {
        const Device device;
        const Data d({5, 5000, 24}, LSK_FLOAT32);
        Plan plan;
        const lsk_linear_shape shape = d.shape(LSK_OVERWRITE);
        succeed(lsk_linear_plan(device.context, &shape, &plan.handle));
        CHECK(plan.explain().find("splits") != std::string::npos);
        const Workspace workspace(device, plan, LSK_FORWARD);
        const Tensor x(device, LSK_FLOAT32, d.input), w(device, LSK_FLOAT32, d.weight), b(device, LSK_FLOAT32, d.bias);
        Tensor y(device, LSK_FLOAT32, d.gradient.size());
        lsk_linear_tensors tensors{};
        tensors.struct_size = sizeof tensors;
        tensors.input = x.pointer();
        tensors.weight = w.pointer();
        tensors.bias = b.pointer();
        tensors.output = y.pointer();
        succeed(lsk_linear_forward(plan.handle, &tensors, workspace.buffer, device.stream));
        CHECK(relative_l2(y.values(), d.output()) < 1e-6);
    }
}
