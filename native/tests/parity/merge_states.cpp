#include <limits>
#include "support/compare.h"
#include "support/device.h"
#include "support/samples.h"

using namespace lsk::test;

namespace {
constexpr double empty = -std::numeric_limits<double>::infinity();

struct States {
    int parts, rows, width;
    std::vector<double> outputs, log_sum_exps;  // [parts, rows, width], [parts, rows]
};

// Random states; every third one empty with NaN in its output, which must not be read, and row 1 empty in all parts.
States states(int parts, int rows, int width) {
    States s{parts, rows, width, rounded(normal(size_t(parts) * rows * width, 1), LSK_FLOAT32), rounded(normal(size_t(parts) * rows, 2, 5), LSK_FLOAT32)};
    for (int part = 0; part < parts; part++)
        for (int row = 0; row < rows; row++)
            if ((part + row) % 3 == 2 || row == 1) {
                s.log_sum_exps[size_t(part) * rows + row] = empty;
                for (int i = 0; i < width; i++) s.outputs[(size_t(part) * rows + row) * width + i] = std::nan("");
            }
    return s;
}

double merged_lse(const States& s, int row) {
    double top = empty, sum = 0;
    for (int p = 0; p < s.parts; p++) top = std::max(top, s.log_sum_exps[size_t(p) * s.rows + row]);
    if (top == empty) return empty;
    for (int p = 0; p < s.parts; p++) sum += std::exp(s.log_sum_exps[size_t(p) * s.rows + row] - top);
    return top + std::log(sum);
}

double weight(const States& s, int part, int row) {
    const double lse = s.log_sum_exps[size_t(part) * s.rows + row];
    return lse == empty ? 0 : std::exp(lse - merged_lse(s, row));
}

std::vector<double> merged_output(const States& s) {
    std::vector<double> output(size_t(s.rows) * s.width);
    for (int row = 0; row < s.rows; row++)
        for (int p = 0; p < s.parts; p++)
            if (const double w = weight(s, p, row); w > 0)
                for (int i = 0; i < s.width; i++) output[size_t(row) * s.width + i] += w * s.outputs[(size_t(p) * s.rows + row) * s.width + i];
    return output;
}

struct Case {
    int parts, rows, width;
};
constexpr Case cases[] = {{1, 1, 1}, {2, 3, 32}, {3, 9, 128}, {5, 6, 33}, {40, 4, 200}, {0, 3, 8}, {2, 0, 8}};

lsk_merge_states_shape shape_of(const Case& c) { return {sizeof(lsk_merge_states_shape), c.parts, c.rows, c.width}; }
}  // namespace

TEST_SUITE("merge_states") {
    TEST_CASE("merged states are those of the whole history, empty parts are the identity") {
        for (const Case& c : cases) {
            CAPTURE(c.parts);
            CAPTURE(c.rows);
            CAPTURE(c.width);
            const States s = states(c.parts, c.rows, c.width);
            const Device device;
            Plan plan;
            const lsk_merge_states_shape shape = shape_of(c);
            succeed(lsk_merge_states_plan(device.context, &shape, &plan.handle));
            const Tensor outputs(device, LSK_FLOAT32, s.outputs), lses(device, LSK_FLOAT32, s.log_sum_exps);
            Tensor output(device, LSK_FLOAT32, size_t(c.rows) * c.width), lse(device, LSK_FLOAT32, size_t(c.rows));
            const lsk_merge_states_tensors tensors{sizeof tensors, outputs.floats(), lses.floats(), output.floats(), lse.floats()};
            succeed(lsk_merge_states_forward(plan.handle, &tensors, nullptr, device.stream));
            const std::vector<std::byte> first = output.raw();
            check_close("output", output.values(), merged_output(s), LSK_FLOAT32, 16);
            std::vector<double> expected(size_t(c.rows));
            for (int row = 0; row < c.rows; row++) expected[size_t(row)] = merged_lse(s, row);
            check_close("log_sum_exp", lse.values(), expected, LSK_FLOAT32, 16);
            succeed(lsk_merge_states_forward(plan.handle, &tensors, nullptr, device.stream));
            CHECK(first == output.raw());
        }
    }

    TEST_CASE("gradients follow the definition") {
        for (const Case& c : cases) {
            CAPTURE(c.parts);
            CAPTURE(c.rows);
            CAPTURE(c.width);
            const States s = states(c.parts, c.rows, c.width);
            const std::vector<double> gradient = rounded(normal(size_t(c.rows) * c.width, 3), LSK_FLOAT32), lse_gradient = rounded(normal(size_t(c.rows), 4), LSK_FLOAT32);
            const std::vector<double> merged = merged_output(s);
            std::vector<double> of_outputs(size_t(c.parts) * c.rows * c.width), of_lses(size_t(c.parts) * c.rows);
            for (int p = 0; p < c.parts; p++)
                for (int row = 0; row < c.rows; row++) {
                    const double w = weight(s, p, row);
                    const size_t state = size_t(p) * c.rows + row;
                    double difference = lse_gradient[size_t(row)];
                    for (int i = 0; i < c.width && w > 0; i++) {
                        const double g = gradient[size_t(row) * c.width + i];
                        of_outputs[state * c.width + i] = w * g;
                        difference += g * (s.outputs[state * c.width + i] - merged[size_t(row) * c.width + i]);
                    }
                    of_lses[state] = w * difference;
                }
            const Device device;
            Plan plan;
            const lsk_merge_states_shape shape = shape_of(c);
            succeed(lsk_merge_states_plan(device.context, &shape, &plan.handle));
            const Tensor outputs(device, LSK_FLOAT32, s.outputs), lses(device, LSK_FLOAT32, s.log_sum_exps);
            const Tensor d_output(device, LSK_FLOAT32, gradient), d_lse(device, LSK_FLOAT32, lse_gradient);
            Tensor d_outputs(device, LSK_FLOAT32, of_outputs.size()), d_lses(device, LSK_FLOAT32, of_lses.size());
            const lsk_merge_states_tensors tensors{sizeof tensors, outputs.floats(), lses.floats(), nullptr, nullptr};
            const lsk_merge_states_gradients gradients{sizeof gradients, d_output.floats(), d_lse.floats(), d_outputs.floats(), d_lses.floats()};
            succeed(lsk_merge_states_backward(plan.handle, &tensors, &gradients, nullptr, device.stream));
            check_close("output_gradients", d_outputs.values(), of_outputs, LSK_FLOAT32, 16);
            check_close("log_sum_exp_gradients", d_lses.values(), of_lses, LSK_FLOAT32, 64);
        }
    }
}
