// What the emulated device says of itself, and what it was told of functions.
#include <map>
#include <mutex>
#include "state.h"

namespace emu {

cudaError_t device_usable() {
    if (config().no_driver || config().driver_version / 1000 < CUDART_VERSION / 1000) return cudaErrorInsufficientDriver;
    return config().device_count > 0 ? cudaSuccess : cudaErrorNoDevice;
}

size_t max_shared_bytes() {
    switch (config().compute_capability) {
    case 80:
        return 163 * 1024;
    case 86:
    case 89:
        return 99 * 1024;
    default:
        return 227 * 1024;
    }
}

static int attribute_value(cudaDeviceAttr attribute) {
    const Config& c = config();
    switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
        return 1024;
    case cudaDevAttrMaxSharedMemoryPerBlock:
        return 48 * 1024;
    case cudaDevAttrWarpSize:
        return 32;
    case cudaDevAttrMaxRegistersPerBlock:
        return 65536;
    case cudaDevAttrClockRate:
        return 1980000;
    case cudaDevAttrMultiProcessorCount:
        return c.multiprocessors;
    case cudaDevAttrMemoryClockRate:
        return 3201000;
    case cudaDevAttrGlobalMemoryBusWidth:
        return 6144;
    case cudaDevAttrL2CacheSize:
        return c.compute_capability == 80 ? 40 << 20 : 60 << 20;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
        return c.compute_capability == 89 ? 1536 : 2048;
    case cudaDevAttrComputeCapabilityMajor:
        return c.compute_capability / 10;
    case cudaDevAttrComputeCapabilityMinor:
        return c.compute_capability % 10;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
        return int(max_shared_bytes()) + 1024;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
        return int(max_shared_bytes());
    case cudaDevAttrMemoryPoolsSupported:
        return 1;
    }
    return -1;
}

static std::mutex functions_mutex;
static std::map<std::pair<const void*, int>, size_t> allowed_shared_bytes;  // by function and device
static uint64_t attribute_calls = 0;

uint64_t function_attributes() {
    std::lock_guard<std::mutex> guard(functions_mutex);
    return attribute_calls;
}

void reset_device() {
    clear_error();
    std::lock_guard<std::mutex> guard(functions_mutex);
    allowed_shared_bytes.clear();
}

}  // namespace emu

using namespace emu;

cudaError_t cudaGetDeviceCount(int* count) {
    *count = 0;
    if (const cudaError_t error = device_usable()) return error;
    *count = config().device_count;
    return cudaSuccess;
}

static thread_local int current_device = 0;

cudaError_t cudaGetDevice(int* device) {
    if (const cudaError_t error = device_usable()) return error;
    *device = current_device;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
    if (const cudaError_t error = device_usable()) return error;
    if (device < 0 || device >= config().device_count) return cudaErrorInvalidDevice;
    current_device = device;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
    if (const cudaError_t error = device_usable()) return error;
    if (device < 0 || device >= config().device_count) return cudaErrorInvalidDevice;
    *value = attribute_value(attribute);
    return *value < 0 ? cudaErrorInvalidValue : cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
    if (const cudaError_t error = device_usable()) return error;
    if (device < 0 || device >= config().device_count) return cudaErrorInvalidDevice;
    *properties = {};
    snprintf(properties->name, sizeof properties->name, "Emulated sm_%d", config().compute_capability);
    properties->totalGlobalMem = total_memory_bytes;
    properties->sharedMemPerBlock = size_t(attribute_value(cudaDevAttrMaxSharedMemoryPerBlock));
    properties->sharedMemPerBlockOptin = max_shared_bytes();
    properties->major = attribute_value(cudaDevAttrComputeCapabilityMajor);
    properties->minor = attribute_value(cudaDevAttrComputeCapabilityMinor);
    properties->multiProcessorCount = config().multiprocessors;
    properties->l2CacheSize = attribute_value(cudaDevAttrL2CacheSize);
    properties->maxThreadsPerMultiProcessor = attribute_value(cudaDevAttrMaxThreadsPerMultiProcessor);
    properties->warpSize = 32;
    return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
    *version = config().no_driver ? 0 : config().driver_version;
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
    *version = CUDART_VERSION;
    return cudaSuccess;
}

cudaError_t cudaPeekAtLastError() { return last_error().empty() ? cudaSuccess : cudaErrorLaunchFailure; }

cudaError_t cudaGetLastError() { return cudaPeekAtLastError(); }     // a failed launch is never forgotten

cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value) {
    if (const cudaError_t error = device_usable()) return error;
    if (!function) return cudaErrorInvalidValue;
    std::lock_guard<std::mutex> guard(functions_mutex);
    attribute_calls++;
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
    if (value < 0 || size_t(value) > max_shared_bytes()) return cudaErrorInvalidValue;
    allowed_shared_bytes[{function, current_device}] = size_t(value);
    return cudaSuccess;
}

bool emu::may_launch(const Launch& launch) {
    const size_t by_default = size_t(attribute_value(cudaDevAttrMaxSharedMemoryPerBlock));
    if (!launch.function || launch.shared_bytes <= by_default) return true;
    std::lock_guard<std::mutex> guard(functions_mutex);
    const auto found = allowed_shared_bytes.find({launch.function, current_device});
    return found != allowed_shared_bytes.end() && launch.shared_bytes <= found->second;
}

// Registers are unknown here: shared memory and threads decide.
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* function, int threads, size_t shared_bytes) {
    if (const cudaError_t error = device_usable()) return error;
    if (!function || threads < 1 || threads > 1024) return cudaErrorInvalidValue;
    const size_t by_memory = (max_shared_bytes() + 1024) / (shared_bytes + 1024);
    const int by_threads = attribute_value(cudaDevAttrMaxThreadsPerMultiProcessor) / ((threads + 31) / 32 * 32);
    *blocks = std::min(int(std::min<size_t>(by_memory, 32)), by_threads);
    return cudaSuccess;
}

// The errors the emulator itself returns, with the toolkit's words.
const char* cudaGetErrorName(cudaError_t error) {
    switch (error) {
#define EMU_NAME(name) \
    case name:         \
        return #name
        EMU_NAME(cudaSuccess);
        EMU_NAME(cudaErrorInvalidValue);
        EMU_NAME(cudaErrorMemoryAllocation);
        EMU_NAME(cudaErrorInitializationError);
        EMU_NAME(cudaErrorInvalidConfiguration);
        EMU_NAME(cudaErrorInsufficientDriver);
        EMU_NAME(cudaErrorNoDevice);
        EMU_NAME(cudaErrorInvalidDevice);
        EMU_NAME(cudaErrorECCUncorrectable);
        EMU_NAME(cudaErrorInvalidResourceHandle);
        EMU_NAME(cudaErrorNotReady);
        EMU_NAME(cudaErrorIllegalAddress);
        EMU_NAME(cudaErrorLaunchOutOfResources);
        EMU_NAME(cudaErrorLaunchTimeout);
        EMU_NAME(cudaErrorAssert);
        EMU_NAME(cudaErrorHardwareStackError);
        EMU_NAME(cudaErrorIllegalInstruction);
        EMU_NAME(cudaErrorMisalignedAddress);
        EMU_NAME(cudaErrorInvalidAddressSpace);
        EMU_NAME(cudaErrorInvalidPc);
        EMU_NAME(cudaErrorLaunchFailure);
        EMU_NAME(cudaErrorNotSupported);
        EMU_NAME(cudaErrorStreamCaptureUnsupported);
        EMU_NAME(cudaErrorStreamCaptureInvalidated);
        EMU_NAME(cudaErrorStreamCaptureUnmatched);
        EMU_NAME(cudaErrorStreamCaptureIsolation);
        EMU_NAME(cudaErrorCapturedEvent);
        EMU_NAME(cudaErrorUnknown);
#undef EMU_NAME
    }
    return "unrecognized error code";
}

const char* cudaGetErrorString(cudaError_t error) {
    static thread_local std::string text;
    switch (error) {
    case cudaSuccess:
        return "no error";
    case cudaErrorInvalidValue:
        return "invalid argument";
    case cudaErrorMemoryAllocation:
        return "out of memory";
    case cudaErrorInvalidConfiguration:
        return "invalid configuration argument";
    case cudaErrorInsufficientDriver:
        return "CUDA driver version is insufficient for CUDA runtime version";
    case cudaErrorNoDevice:
        return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice:
        return "invalid device ordinal";
    case cudaErrorNotReady:
        return "device not ready";
    case cudaErrorLaunchFailure:
        text = "unspecified launch failure: " + last_error();
        return text.c_str();
    default:
        return cudaGetErrorName(error);
    }
}
