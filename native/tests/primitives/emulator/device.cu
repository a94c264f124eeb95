// The emulated device and its runtime: what it says of itself, memory, streams, events, graphs, injected failures.
#include "emulator/expect.h"

using namespace lsk;
using namespace lsk::test;

static __global__ void add_one(int* value) {
    if (threadIdx.x == 0) *value += 1;
}

static int attribute(cudaDeviceAttr which) {
    int value = 0;
    succeed(cudaDeviceGetAttribute(&value, which, 0));
    return value;
}

TEST_SUITE("device") {
    TEST_CASE("the device is the one that EMU_SM names") {
        const Settings settings;
        const std::pair<int, int> shared_kilobytes[] = {{80, 163}, {89, 99}, {90, 227}};
        for (const auto& [capability, kilobytes] : shared_kilobytes) {
            emu::config().compute_capability = capability;
            CHECK(attribute(cudaDevAttrComputeCapabilityMajor) == capability / 10);
            CHECK(attribute(cudaDevAttrComputeCapabilityMinor) == capability % 10);
            CHECK(attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin) == kilobytes * 1024);
            cudaDeviceProp properties;
            succeed(cudaGetDeviceProperties(&properties, 0));
            CHECK(properties.major * 10 + properties.minor == capability);
            CHECK(properties.sharedMemPerBlockOptin == size_t(kilobytes) * 1024);
        }
        emu::config().compute_capability = 80;
        Grid grid{2, 32};
        grid.attributes.cluster = dim3(2);
        const DeviceArray<int> value(std::vector<int>{0});
        CHECK(try_run(grid, add_one, value) == cudaErrorInvalidConfiguration);
    }

    TEST_CASE("no driver and no device are errors of every call") {
        const Settings settings;
        int count = -1;
        emu::config().device_count = 0;
        CHECK(cudaGetDeviceCount(&count) == cudaErrorNoDevice);
        CHECK(count == 0);
        emu::config().device_count = 2;
        CHECK(cudaGetDeviceCount(&count) == cudaSuccess);
        CHECK(count == 2);
        CHECK(cudaSetDevice(1) == cudaSuccess);
        CHECK(cudaSetDevice(2) == cudaErrorInvalidDevice);
        CHECK(cudaSetDevice(0) == cudaSuccess);
        emu::config().no_driver = true;
        void* pointer = nullptr;
        CHECK(cudaGetDeviceCount(&count) == cudaErrorInsufficientDriver);
        CHECK(cudaMalloc(&pointer, 16) == cudaErrorInsufficientDriver);
        CHECK(cudaStreamSynchronize(nullptr) == cudaErrorInsufficientDriver);
        int version = -1;
        CHECK(cudaDriverGetVersion(&version) == cudaSuccess);
        CHECK(version == 0);
    }

    TEST_CASE("allocations can be made to fail") {
        const Settings settings;
        emu::config().fail_malloc_after = 0;
        void* pointer = nullptr;
        CHECK(cudaMalloc(&pointer, 16) == cudaErrorMemoryAllocation);
        CHECK(pointer == nullptr);
        emu::config().fail_malloc_after = -1;
        CHECK(cudaMalloc(&pointer, size_t(1) << 50) == cudaErrorMemoryAllocation);
        CHECK(cudaMalloc(&pointer, 16) == cudaSuccess);
        CHECK(cudaFree(static_cast<char*>(pointer) + 1) == cudaErrorInvalidValue);
        CHECK(cudaFree(pointer) == cudaSuccess);
        CHECK(cudaFree(nullptr) == cudaSuccess);
    }

    TEST_CASE("device memory is not a number until written") {
        const DeviceArray<float> fresh(5);
        for (const float value : fresh.values()) CHECK(std::isnan(value));
    }

#ifndef __SANITIZE_ADDRESS__    // there the store itself is reported, and ends the process
    static __global__ void write_at(unsigned char* memory, long long at) { memory[at] = 1; }

    TEST_CASE("a store just outside an allocation is a fault at the next wait") {
        const Settings settings;
        const DeviceArray<unsigned char> memory(100);
        expect_fault("0 bytes past the end of an allocation of 100 bytes", {}, write_at, memory, 100ll);
        memory.get()[100] = 0xc5;
        expect_fault("1 bytes before an allocation of 100 bytes", {}, write_at, memory, -1ll);
        memory.get()[-1] = 0xc5;
    }
#endif

    TEST_CASE("lazy streams do nothing before somebody waits") {
        const Settings settings;
        emu::config().lazy_streams = true;
        const DeviceArray<int> value(std::vector<int>{0});
        cudaStream_t stream;
        succeed(cudaStreamCreate(&stream));
        succeed(launch("add_one", add_one, 1, 32, 0, stream, value.get()));
        CHECK(*value.get() == 0);
        CHECK(cudaStreamQuery(stream) == cudaErrorNotReady);
        succeed(cudaStreamSynchronize(stream));
        CHECK(*value.get() == 1);
        CHECK(cudaStreamQuery(stream) == cudaSuccess);
        succeed(cudaStreamDestroy(stream));
    }

    TEST_CASE("a stream waits for another's event") {
        const Settings settings;
        emu::config().lazy_streams = true;
        const DeviceArray<int> value(std::vector<int>{0});
        cudaStream_t first;
        cudaStream_t second;
        cudaEvent_t event;
        succeed(cudaStreamCreate(&first));
        succeed(cudaStreamCreate(&second));
        succeed(cudaEventCreate(&event));
        succeed(launch("add_one", add_one, 1, 32, 0, first, value.get()));
        succeed(cudaEventRecord(event, first));
        CHECK(cudaEventQuery(event) == cudaErrorNotReady);
        succeed(cudaStreamWaitEvent(second, event));
        succeed(cudaStreamSynchronize(second));
        CHECK(*value.get() == 1);
        CHECK(cudaEventQuery(event) == cudaSuccess);
        succeed(cudaEventDestroy(event));
        succeed(cudaStreamDestroy(first));
        succeed(cudaStreamDestroy(second));
    }

    TEST_CASE("captured work runs when the graph is launched, and as often") {
        const Settings settings;
        const DeviceArray<int> value(std::vector<int>{0});
        cudaStream_t stream;
        cudaGraph_t graph;
        cudaGraphExec_t executable;
        succeed(cudaStreamCreate(&stream));
        succeed(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
        cudaStreamCaptureStatus status;
        succeed(cudaStreamIsCapturing(stream, &status));
        CHECK(status == cudaStreamCaptureStatusActive);
        succeed(launch("add_one", add_one, 1, 32, 0, stream, value.get()));
        succeed(launch("add_one", add_one, 1, 32, 0, stream, value.get()));
        succeed(cudaStreamEndCapture(stream, &graph));
        CHECK(*value.get() == 0);
        succeed(cudaGraphInstantiate(&executable, graph));
        succeed(cudaGraphDestroy(graph));
        for (int i = 0; i < 3; i++) succeed(cudaGraphLaunch(executable, stream));
        succeed(cudaStreamSynchronize(stream));
        CHECK(*value.get() == 6);
        succeed(cudaGraphExecDestroy(executable));
        succeed(cudaStreamDestroy(stream));
    }

    TEST_CASE("a wait inside a capture invalidates it") {
        const Settings settings;
        cudaStream_t stream;
        cudaGraph_t graph;
        succeed(cudaStreamCreate(&stream));
        succeed(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
        CHECK(cudaStreamSynchronize(stream) == cudaErrorStreamCaptureUnsupported);
        CHECK(cudaStreamEndCapture(stream, &graph) == cudaErrorStreamCaptureInvalidated);
        CHECK(cudaStreamEndCapture(stream, &graph) == cudaErrorStreamCaptureUnmatched);
        succeed(cudaStreamDestroy(stream));
    }
}
