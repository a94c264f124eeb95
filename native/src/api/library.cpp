// The library itself: version, target, devices.
#include <cuda_runtime.h>
#include <string>
#include "api/check.h"
#include "api/error.h"

using namespace lsk;

// As people write it: 12.4 for 12040.
static std::string cuda_version(int version) { return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10); }

static std::string why_no_driver(int driver, int runtime, cudaError_t error) {
    if (driver == 0)
        return "No CUDA driver answers on this machine: libcuda.so.1 is missing or does not start. Install NVIDIA's driver; in a container, pass the GPUs to it.";
    // A driver runs every runtime of its major version.
    const int least = runtime / 1000 * 1000;
    if (driver < least)
        return "The CUDA driver of this machine supports CUDA " + cuda_version(driver) + "; this build, with the CUDA " + cuda_version(runtime) + " runtime, needs " +
               cuda_version(least) + " or newer. Update NVIDIA's driver.";
    return "The CUDA driver of this machine (CUDA " + cuda_version(driver) + ") answers but does not start: " + cudaGetErrorString(error) + " (" +
           cudaGetErrorName(error) + "). Look at what nvidia-smi says.";
}

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
            throw Failure(LSK_NO_DRIVER, why_no_driver(driver, runtime, error));
        }
        *count = devices;
    });
}
