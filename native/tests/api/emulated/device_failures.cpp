// Failures of the machine that only an emulated one can be made to have: no driver, no device, an old one, memory that runs out, a kernel that fails.
#include <string>
#include "emu.h"
#include "support/device.h"
#include "support/refusal.h"
#include "support/samples.h"

using namespace lsk::test;

namespace {
// Changes the emulated machine for one test.
struct Machine {
    emu::Config before = emu::config();
    ~Machine() {
        emu::config() = before;
        emu::clear_error();
    }
};
}  // namespace

TEST_SUITE("device_failures") {
    TEST_CASE("without a driver the library loads and says so") {
        const Machine machine;
        emu::config().no_driver = true;
        int32_t devices = -1;
        refused(lsk_device_count(&devices), LSK_NO_DRIVER, "driver");
        lsk_context* context = nullptr;
        refused(lsk_context_create(0, &context), LSK_NO_DRIVER, "driver");
        CHECK(context == nullptr);
    }

    TEST_CASE("a driver that is too old is told with the version that is needed") {
        const Machine machine;
        emu::config().driver_version = 11040;
        int32_t devices = -1;
        refused(lsk_device_count(&devices), LSK_NO_DRIVER, "The CUDA driver of this machine supports CUDA 11.4; this build, with the CUDA 12.4 runtime, needs 12.0 or newer.");
        CHECK(devices == 0);
        emu::config().driver_version = 12000;
        succeed(lsk_device_count(&devices));
        CHECK(devices == 1);
    }

    TEST_CASE("a driver without a device is told from no driver") {
        const Machine machine;
        emu::config().device_count = 0;
        int32_t devices = -1;
        succeed(lsk_device_count(&devices));
        CHECK(devices == 0);
        lsk_context* context = nullptr;
        refused(lsk_context_create(0, &context), LSK_NO_DEVICE, "no device");
    }

    TEST_CASE("a device that is too old is refused by name") {
        const Machine machine;
        emu::config().compute_capability = 75;
        lsk_context* context = nullptr;
        refused(lsk_context_create(0, &context), LSK_UNSUPPORTED_DEVICE, "compute capability 7.5 but needs 8.0");
    }

    TEST_CASE("widths that a smaller device's shared memory has no room for are refused by name") {
        const Machine machine;
        emu::config().compute_capability = 89;
        const Device device;
        Plan plan;
        const int64_t offsets[] = {0, 4};
        lsk_sketch_attention_shape shape{sizeof shape, LSK_FLOAT32, 8, 64, 129, 1.0f, LSK_NORMALIZATION_NONE, 0, 1, offsets};
        refused(lsk_sketch_attention_plan(device.context, &shape, &plan.handle), LSK_UNSUPPORTED, "value_width 129 but tiles of fp32 rows take");
        shape.dtype = LSK_BFLOAT16;
        succeed(lsk_sketch_attention_plan(device.context, &shape, &plan.handle));
    }

    TEST_CASE("device memory that runs out leaves the context usable") {
        const Device device;
        {
            const Machine machine;
            emu::config().fail_malloc_after = 0;
            lsk_buffer* buffer = nullptr;
            refused(lsk_buffer_create(device.context, LSK_MEMORY_DEVICE, 64, &buffer), LSK_OUT_OF_MEMORY, "allocating 64 bytes");
            CHECK(buffer == nullptr);
        }
        lsk_buffer* buffer = nullptr;
        succeed(lsk_buffer_create(device.context, LSK_MEMORY_DEVICE, 64, &buffer));
        succeed(lsk_buffer_destroy(buffer));
    }

    TEST_CASE("a kernel that fails loses its context, and only that") {
        {
            const Machine machine;
            emu::config().quiet = true;
            const Device device;
            Plan plan;
            const lsk_merge_states_shape shape{sizeof shape, 1, 2, 4};
            succeed(lsk_merge_states_plan(device.context, &shape, &plan.handle));
            const Tensor outputs(device, LSK_FLOAT32, normal(8, 1)), log_sum_exps(device, LSK_FLOAT32, normal(2, 2));
            const Tensor output(device, LSK_FLOAT32, 8), log_sum_exp(device, LSK_FLOAT32, 2);
            const lsk_merge_states_tensors tensors{sizeof tensors, outputs.floats(), log_sum_exps.floats(), output.floats(), log_sum_exp.floats()};
            emu::Launch failing;
            failing.name = "failing";
            failing.body = [] { emu::fault("provoked by a test"); };
            emu::launch(failing);
            CHECK(lsk_merge_states_forward(plan.handle, &tensors, nullptr, device.stream) == LSK_CONTEXT_LOST);
            const std::string first = lsk_last_error();
            CHECK(first.find("provoked by a test") != std::string::npos);
            CHECK(first.find("The context is lost") != std::string::npos);
            refused(lsk_stream_synchronize(device.stream), LSK_CONTEXT_LOST, first.c_str());
            lsk_plan* another = nullptr;
            refused(lsk_merge_states_plan(device.context, &shape, &another), LSK_CONTEXT_LOST, first.c_str());
        }
        const Device device;
        device.synchronize();
    }
}
