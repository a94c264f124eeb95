// Kernels are allowed their shared memory once a device, not at every launch; the emulator counts the calls and refuses launches without one.
#include <thread>
#include <vector>
#include "device/shared_memory_limit.h"
#include "emu.h"
#include "support/device.h"
#include "support/samples.h"

using namespace lsk::test;

namespace {
// A product whose kernel takes more than 48 KB.
struct Product {
    static constexpr int width = 64, rows = 8;
    const Device device;
    Plan plan;
    Tensor input, weight, output;

    Product() : input(device, LSK_BFLOAT16, normal(rows * width, 1)), weight(device, LSK_BFLOAT16, normal(width * width, 2)), output(device, LSK_BFLOAT16, rows * width) {
        const lsk_linear_shape shape{sizeof shape, LSK_BFLOAT16, rows, width, width, LSK_OVERWRITE};
        succeed(lsk_linear_plan(device.context, &shape, &plan.handle));
    }

    lsk_status run() const {
        const lsk_linear_tensors tensors{sizeof tensors, input.pointer(), weight.pointer(), nullptr, output.pointer(), nullptr, nullptr, nullptr, nullptr};
        const lsk_status status = lsk_linear_forward(plan.handle, &tensors, nullptr, device.stream);
        return status ? status : lsk_stream_synchronize(device.stream);
    }
};

uint64_t calls_during(const auto& body) {
    const uint64_t before = emu::function_attributes();
    body();
    return emu::function_attributes() - before;
}

void some_function() {}
void another_function() {}
}  // namespace

TEST_SUITE("shared_memory_limits") {
    TEST_CASE("a kernel asks at its first launch only") {
        const Product product;
        CHECK(calls_during([&] { succeed(product.run()); }) == 1);
        CHECK(calls_during([&] { for (int i = 0; i < 5; i++) succeed(product.run()); }) == 0);
    }

    TEST_CASE("after a device was lost and reset, a new context's kernels ask again") {
        succeed(Product().run());
        const bool quiet = emu::config().quiet;
        emu::config().quiet = true;
        {
            const Product lost;
            emu::Launch failing;
            failing.name = "failing";
            failing.body = [] { emu::fault("provoked by a test"); };
            emu::launch(failing);
            CHECK(lost.run() == LSK_CONTEXT_LOST);
        }
        emu::reset_device();
        emu::config().quiet = quiet;
        const Product recovered;
        CHECK(calls_during([&] { succeed(recovered.run()); }) == 1);
        CHECK(calls_during([&] { succeed(recovered.run()); }) == 0);
    }

    TEST_CASE("a launch without leave is refused") {
        const Product product;
        succeed(product.run());
        emu::reset_device();
        CHECK(product.run() == LSK_DEVICE_ERROR);
        lsk::shared_memory_limits.forget(0);
        succeed(product.run());
    }

    TEST_CASE("every function has its own leave, on each device") {
        emu::Config& config = emu::config();
        const emu::Config before = config;
        config.device_count = 3;
        lsk::SharedMemoryLimits limits;
        const auto ask = [&](int device, void (*function)()) {
            REQUIRE(cudaSetDevice(device) == cudaSuccess);
            return calls_during([&] { CHECK(limits.allow(reinterpret_cast<const void*>(function)) == cudaSuccess); });
        };
        for (int device = 0; device < 3; device++)
            for (const auto function : {some_function, another_function}) {
                CHECK(ask(device, function) == 1);
                CHECK(ask(device, function) == 0);
            }
        limits.forget(1);
        CHECK(ask(0, some_function) == 0);
        CHECK(ask(1, some_function) == 1);
        CHECK(ask(2, some_function) == 0);
        CHECK(ask(1, another_function) == 1);
        CHECK(cudaSetDevice(0) == cudaSuccess);
        config = before;
    }

    TEST_CASE("more functions than the table has places are asked for every time, and the others are not") {
        lsk::SharedMemoryLimits limits;
        std::vector<char> functions(4096);
        const auto ask = [&] { for (const char& function : functions) CHECK(limits.allow(&function) == cudaSuccess); };
        CHECK(calls_during(ask) == functions.size());
        const uint64_t again = calls_during(ask);
        CHECK(again > 0);
        CHECK(again < functions.size());
    }

    TEST_CASE("threads that meet agree") {
        lsk::SharedMemoryLimits limits;
        const int count = 8;
        std::vector<char> functions(200);
        std::vector<std::thread> threads;
        std::atomic<int> failures{0};
        const uint64_t calls = calls_during([&] {
            for (int i = 0; i < count; i++)
                threads.emplace_back([&] { for (const char& function : functions) failures += limits.allow(&function) != cudaSuccess; });
            for (std::thread& thread : threads) thread.join();
        });
        CHECK(failures == 0);
        CHECK(calls >= functions.size());
        CHECK(calls <= functions.size() * count);
        CHECK(calls_during([&] { for (const char& function : functions) limits.allow(&function); }) == 0);
    }
}
