#include "support/compare.h"
#include "support/device.h"
#include "support/samples.h"

using namespace lsk::test;

namespace {
struct Case {
    std::vector<int64_t> lengths;
    int width;
};

const Case cases[] = {{{}, 8}, {{0}, 8}, {{1, 0, 3}, 1}, {{31, 32, 33, 0, 255, 256, 257}, 20}, {{9, 700, 1}, 64}, {{3000, 5}, 33}, {{63, 2}, 300}, {{520}, 520}};

// Values on a coarse grid, so that maxima have ties.
std::vector<double> values_of(size_t count, uint64_t seed) {
    std::vector<double> values = normal(count, seed);
    for (double& value : values) value = std::round(value * 8) / 8;
    return values;
}

struct Expected {
    std::vector<double> output, input_gradient;
};

Expected expected_of(const Case& c, lsk_reduction reduction, const std::vector<double>& input, const std::vector<double>& gradient) {
    const std::vector<int64_t> offsets = offsets_of(c.lengths);
    const size_t width = size_t(c.width);
    Expected e{std::vector<double>(c.lengths.size() * width), std::vector<double>(input.size())};
    for (size_t segment = 0; segment < c.lengths.size(); segment++)
        for (size_t column = 0; column < width; column++) {
            const double g = gradient[segment * width + column], rows = double(c.lengths[segment]);
            double& output = e.output[segment * width + column];
            int64_t top = -1;
            for (int64_t row = offsets[segment]; row < offsets[segment + 1]; row++) {
                const double x = input[size_t(row) * width + column];
                if (top < 0 || x > input[size_t(top) * width + column]) top = row;
                if (reduction != LSK_MAX) output += reduction == LSK_MEAN ? x / rows : x;
                e.input_gradient[size_t(row) * width + column] = reduction == LSK_MAX ? 0 : reduction == LSK_MEAN ? g / rows : g;
            }
            if (reduction != LSK_MAX || top < 0) continue;
            output = input[size_t(top) * width + column];
            e.input_gradient[size_t(top) * width + column] = g;
        }
    return e;
}
}  // namespace

TEST_SUITE("segment_reduce") {
    TEST_CASE("segments become their sum, mean or maximum, and gradients go back, twice with the same bits") {
        const Device device;
        for (const lsk_dtype dtype : all_dtypes)
            for (const lsk_reduction reduction : {LSK_SUM, LSK_MEAN, LSK_MAX})
                for (const Case& c : cases) {
                    CAPTURE(dtype);
                    CAPTURE(reduction);
                    CAPTURE(c.width);
                    const std::vector<int64_t> offsets = offsets_of(c.lengths);
                    const std::vector<double> input = values_of(size_t(offsets.back() * c.width), 1);
                    const std::vector<double> gradient = rounded(normal(c.lengths.size() * size_t(c.width), 2), dtype);
                    const Expected expected = expected_of(c, reduction, input, gradient);
                    const lsk_segment_reduce_shape shape{sizeof shape, dtype, reduction, c.width, int64_t(c.lengths.size()), offsets.data()};
                    Plan plan;
                    succeed(lsk_segment_reduce_plan(device.context, &shape, &plan.handle));
                    const Workspace forward(device, plan, LSK_FORWARD), backward(device, plan, LSK_BACKWARD);
                    const Tensor x(device, dtype, input), dy(device, dtype, gradient);
                    Tensor y(device, dtype, gradient.size()), dx(device, dtype, input.size());
                    std::vector<std::byte> first_output, first_gradient;
                    for (int run = 0; run < 2; run++) {
                        lsk_segment_reduce_tensors tensors{sizeof tensors, x.pointer(), y.pointer(), nullptr, nullptr};
                        succeed(lsk_segment_reduce_forward(plan.handle, &tensors, forward.buffer, device.stream));
                        tensors = {sizeof tensors, x.pointer(), nullptr, dy.pointer(), dx.pointer()};
                        succeed(lsk_segment_reduce_backward(plan.handle, &tensors, backward.buffer, device.stream));
                        if (run == 0) {
                            first_output = y.raw();
                            first_gradient = dx.raw();
                            check_close("output", y.values(), expected.output, dtype, reduction == LSK_MAX ? 0 : dtype == LSK_FLOAT32 ? 32 : 1.1);
                            check_close("input_gradient", dx.values(), expected.input_gradient, dtype, 1.1);
                        }
                    }
                    CHECK(first_output == y.raw());
                    CHECK(first_gradient == dx.raw());
                }
    }
}
