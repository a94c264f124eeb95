// The library itself: version, target, devices.
#include <cuda_runtime.h>
#include "api/check.h"
#include "api/error.h"

using namespace lsk;

extern "C" lsk_status lsk_abi_version(int32_t* version) {
    return guarded([&] {
        check_result("version", version);
        *version = LSK_ABI_VERSION;
    });
}

extern "C" lsk_status lsk_build_target(const char** target) {
    return guarded([&] {
        check_result("target", target);
        *target = LSK_BUILD_TARGET;
    });
}

extern "C" lsk_status lsk_device_count(int32_t* count) {
    return guarded([&] {
        check_result("count", count);
        *count = 0;
        int devices = 0;
        const cudaError_t error = cudaGetDeviceCount(&devices);
        if (error == cudaErrorNoDevice) {
            cudaGetLastError();
            return;
        }
        if (error != cudaSuccess) {
            cudaGetLastError();
            int driver = 0, runtime = 0;
            cudaDriverGetVersion(&driver);
            cudaRuntimeGetVersion(&runtime);
            throw Failure(LSK_NO_DRIVER, driver == 0 ? "No CUDA driver answers on this machine (libcuda.so.1 is missing or has no device)."
                                                     : "The CUDA driver supports version " + std::to_string(driver) + " but this build needs " +
                                                           std::to_string(runtime) + ": " + cudaGetErrorString(error) + ".");
        }
        *count = devices;
    });
}
