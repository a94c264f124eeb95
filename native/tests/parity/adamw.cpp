#include "support/compare.h"
#include "support/device.h"
#include "support/samples.h"

using namespace lsk::test;

TEST_SUITE("adamw") {
    TEST_CASE("steps are those of the managed optimiser to the bit") {
        const Device device;
        for (const int count : {0, 1, 3, 4, 1023, 1025, 3000}) {
            CAPTURE(count);
            const size_t parameters = size_t(count);
            std::vector<double> value = rounded(normal(parameters, 1), LSK_FLOAT32), mean(parameters), square(parameters);
            Tensor values(device, LSK_FLOAT32, value), means(device, LSK_FLOAT32, mean), squares(device, LSK_FLOAT32, square);
            const lsk_adamw_shape shape{sizeof shape, 0, count};
            Plan plan;
            succeed(lsk_adamw_plan(device.context, &shape, &plan.handle));
            for (int step = 1; step <= 3; step++) {
                const std::vector<double> gradient = rounded(normal(parameters, 1 + uint64_t(step)), LSK_FLOAT32);
                const Tensor gradients(device, LSK_FLOAT32, gradient);
                const lsk_adamw_tensors t{sizeof t, 0.01f, 0.9f, 0.99f, 1e-8f, 0.1f, 0.5f, step, gradients.floats(), values.floats(), means.floats(), squares.floats()};
                succeed(lsk_adamw_step(plan.handle, &t, nullptr, device.stream));
                device.synchronize();
                const auto rate = float(double(t.learning_rate) / (1 - std::pow(double(t.beta1), step)));
                const auto correction = float(1 / (1 - std::pow(double(t.beta2), step)));
                const auto keep = float(1 - double(t.learning_rate) * double(t.weight_decay));
                for (size_t i = 0; i < parameters; i++) {
                    const float g = float(gradient[i]) * t.gradient_scale;
                    const float m = float(mean[i]) * t.beta1 + g * (1 - t.beta1);
                    const float v = float(square[i]) * t.beta2 + g * g * (1 - t.beta2);
                    mean[i] = m;
                    square[i] = v;
                    value[i] = float(value[i]) * keep - m * rate / (std::sqrt(v * correction) + t.epsilon);
                }
            }
            CHECK(values.values() == value);
            CHECK(means.values() == mean);
            CHECK(squares.values() == square);
        }
    }

    TEST_CASE("settings out of range are refused by name") {
        const Device device;
        const lsk_adamw_shape shape{sizeof shape, 0, 0};
        Plan plan;
        succeed(lsk_adamw_plan(device.context, &shape, &plan.handle));
        lsk_adamw_tensors t{sizeof t, 0.01f, 1.0f, 0.99f, 1e-8f, 0.1f, 1.0f, 1, nullptr, nullptr, nullptr, nullptr};
        CHECK(lsk_adamw_step(plan.handle, &t, nullptr, device.stream) == LSK_INVALID_ARGUMENT);
        CHECK(std::string(lsk_last_error()).starts_with("beta1 was 1"));
    }
}
