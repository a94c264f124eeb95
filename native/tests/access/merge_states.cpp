#include "access/access_report.h"
#include "support/device.h"
#include "support/samples.h"

using namespace lsk::test;

TEST_SUITE("merge_states") {
    TEST_CASE("forward and backward read and write whole sectors") {
        const int parts = 4, rows = 64, width = 128;
        const size_t elements = size_t(rows) * width;
        const Device device;
        Plan plan;
        const lsk_merge_states_shape shape{sizeof shape, parts, rows, width};
        succeed(lsk_merge_states_plan(device.context, &shape, &plan.handle));
        const Tensor outputs(device, LSK_FLOAT32, normal(parts * elements, 1)), lses(device, LSK_FLOAT32, normal(size_t(parts) * rows, 2));
        Tensor output(device, LSK_FLOAT32, elements), lse(device, LSK_FLOAT32, size_t(rows));
        const Tensor d_output(device, LSK_FLOAT32, normal(elements, 3)), d_lse(device, LSK_FLOAT32, normal(size_t(rows), 4));
        Tensor d_outputs(device, LSK_FLOAT32, parts * elements), d_lses(device, LSK_FLOAT32, size_t(parts) * rows);
        const lsk_merge_states_tensors tensors{sizeof tensors, outputs.floats(), lses.floats(), output.floats(), lse.floats()};
        const lsk_merge_states_gradients gradients{sizeof gradients, d_output.floats(), d_lse.floats(), d_outputs.floats(), d_lses.floats()};
        const AccessReport report;
        succeed(lsk_merge_states_forward(plan.handle, &tensors, nullptr, device.stream));
        succeed(lsk_merge_states_backward(plan.handle, &tensors, &gradients, nullptr, device.stream));
        device.synchronize();
        report.check();
    }
}
