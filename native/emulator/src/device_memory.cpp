// Device and page-locked host memory.
#include <atomic>
#include <cstdlib>
#include <mutex>
#include "state.h"

namespace emu {

static std::mutex mutex;
static std::map<const char*, size_t> allocations;    // start -> bytes

bool is_device_memory(const void* pointer) {
    static thread_local const char* low = nullptr;
    static thread_local const char* high = nullptr;
    const auto at = static_cast<const char*>(pointer);
    if (at >= low && at < high) return true;
    std::lock_guard<std::mutex> guard(mutex);
    auto it = allocations.upper_bound(at);
    if (it == allocations.begin()) return false;
    --it;
    if (at >= it->first + it->second) return false;
    low = it->first;
    high = low + it->second;
    return true;
}

static bool injected_failure() {
    static std::atomic<int64_t> count{0};
    const int64_t limit = config().fail_malloc_after;
    return limit >= 0 && count++ >= limit;
}

}  // namespace emu

using namespace emu;

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
    if (const cudaError_t error = device_usable()) return error;
    if (!pointer) return cudaErrorInvalidValue;
    *pointer = nullptr;
    if (!bytes) return cudaSuccess;
    if (injected_failure() || bytes > size_t(1) << 40) return cudaErrorMemoryAllocation;
    const size_t whole = (bytes + 255) / 256 * 256;
    auto* memory = static_cast<char*>(aligned_alloc(256, whole));
    if (!memory) return cudaErrorMemoryAllocation;
    memset(memory, 0xff, bytes);                     // NaN until written
#if EMU_ASAN
    __asan_poison_memory_region(memory + bytes, whole - bytes);
#endif
    std::lock_guard<std::mutex> guard(mutex);
    allocations[memory] = bytes;
    *pointer = memory;
    return cudaSuccess;
}

cudaError_t cudaFree(void* pointer) {
    if (const cudaError_t error = device_usable()) return error;
    if (!pointer) return cudaSuccess;
    cudaDeviceSynchronize();
    {
        std::lock_guard<std::mutex> guard(mutex);
        if (!allocations.erase(static_cast<char*>(pointer))) return cudaErrorInvalidValue;
    }
    free(pointer);
    return cudaSuccess;
}

cudaError_t cudaMallocAsync(void** pointer, size_t bytes, cudaStream_t) { return cudaMalloc(pointer, bytes); }

cudaError_t cudaFreeAsync(void* pointer, cudaStream_t) { return cudaFree(pointer); }

cudaError_t cudaMallocHost(void** pointer, size_t bytes) {
    if (const cudaError_t error = device_usable()) return error;
    if (!pointer) return cudaErrorInvalidValue;
    *pointer = bytes ? malloc(bytes) : nullptr;
    return *pointer || !bytes ? cudaSuccess : cudaErrorMemoryAllocation;
}

cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned) { return cudaMallocHost(pointer, bytes); }

cudaError_t cudaFreeHost(void* pointer) {
    if (const cudaError_t error = device_usable()) return error;
    free(pointer);
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t* free_bytes, size_t* total_bytes) {
    if (const cudaError_t error = device_usable()) return error;
    std::lock_guard<std::mutex> guard(mutex);
    size_t used = 0;
    for (const auto& [start, bytes] : allocations) used += bytes;
    *total_bytes = size_t(16) << 30;
    *free_bytes = *total_bytes > used ? *total_bytes - used : 0;
    return cudaSuccess;
}
