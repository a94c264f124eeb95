#include <memory>
#include "api/error.h"
#include "api/handles.h"
#include "device/shared_memory_limit.h"

using namespace lsk;

// What the kernels need at least: cp.async, bf16 tensor cores.
constexpr int least_compute_capability = 80;

extern "C" lsk_status lsk_context_create(int32_t device, lsk_context** result) {
    int32_t devices = 0;
    if (const lsk_status status = lsk_device_count(&devices)) return status;
    return guarded([&] {
        check_result("context", result);
        *result = nullptr;
        if (devices == 0) throw Failure(LSK_NO_DEVICE, "The CUDA driver answers but reports no device. Look at what nvidia-smi lists, and at CUDA_VISIBLE_DEVICES.");
        if (device < 0 || device >= devices)
            throw Failure(LSK_NO_DEVICE, "device was " + std::to_string(device) + " but must be from 0 to " + std::to_string(devices - 1) + ".");
        auto context = std::make_unique<lsk_context>();
        context->device = device;
        context->make_current();
        cudaDeviceProp properties{};
        context->check(cudaGetDeviceProperties(&properties, device), "asking for the device's properties");
        context->check(cudaDriverGetVersion(&context->driver_version), "asking for the driver's version");
        context->check(cudaRuntimeGetVersion(&context->runtime_version), "asking for the runtime's version");
        context->compute_capability = 10 * properties.major + properties.minor;
        context->multiprocessors = properties.multiProcessorCount;
        context->shared_memory_per_block = static_cast<int>(properties.sharedMemPerBlockOptin);
        context->memory_bytes = static_cast<int64_t>(properties.totalGlobalMem);
        context->l2_bytes = properties.l2CacheSize;
        context->name = properties.name;
        if (context->compute_capability < least_compute_capability)
            throw Failure(LSK_UNSUPPORTED_DEVICE, "Device " + std::to_string(device) + " (" + context->name + ") has compute capability " +
                                                      std::to_string(properties.major) + "." + std::to_string(properties.minor) + " but needs 8.0 or more.");
        shared_memory_limits.forget(device);  // it may have been reset since it was last used
        register_handle(context.get(), HandleKind::context);
        *result = context.release();
    });
}

extern "C" lsk_status lsk_context_destroy(lsk_context* context) {
    return guarded([&] {
        if (!context) return;
        checked_handle("context", context);
        if (const int children = context->children.load())
            fail_argument("context", "in use by " + std::to_string(children) + " live streams, events, buffers, plans or graphs", "free of them");
        unregister_handle(context);
        delete context;
    });
}

extern "C" lsk_status lsk_context_device_info(lsk_context* context, lsk_device_info* info) {
    return guarded([&] {
        checked_handle("context", context);
        checked("info", info);
        *info = {sizeof(lsk_device_info), context->compute_capability, context->multiprocessors, context->shared_memory_per_block,
                 context->memory_bytes, context->l2_bytes, context->driver_version, context->runtime_version, context->name.c_str()};
    });
}

extern "C" lsk_status lsk_context_synchronize(lsk_context* context) {
    return guarded([&] {
        checked_handle("context", context)->make_current();
        context->check(cudaDeviceSynchronize(), "waiting for the device");
    });
}
