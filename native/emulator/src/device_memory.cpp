// Device and page-locked host memory. Device memory is NaN until written and lies between guard bytes that must stay as they are.
#include "device_memory.h"
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <sys/mman.h>
#include "state.h"

namespace emu {

namespace {

constexpr size_t alignment = 256;
constexpr size_t guard_bytes = 256;
constexpr unsigned char guard_value = 0xc5;

struct Allocation {
    DeviceRange range;
    char* whole;

    size_t tail_bytes() const { return (range.bytes + alignment - 1) / alignment * alignment - range.bytes + guard_bytes; }
};

// Never destroyed: the last allocations may be freed after the static objects of this library.
struct Allocations {
    std::mutex mutex;
    std::map<const char*, Allocation> by_start;
    std::atomic<uint64_t> generation{1};       // changes when something is freed
    size_t bytes = 0;
    int64_t made = 0;
};

Allocations& all() {
    static auto* const instance = new Allocations;
    return *instance;
}

void hide_guards([[maybe_unused]] const Allocation& allocation, [[maybe_unused]] bool hidden) {
#if EMU_ASAN
    char* end = allocation.range.start + allocation.range.bytes;
    if (hidden) {
        __asan_poison_memory_region(allocation.whole, guard_bytes);
        __asan_poison_memory_region(end, allocation.tail_bytes());
    } else {
        __asan_unpoison_memory_region(allocation.whole, guard_bytes);
        __asan_unpoison_memory_region(end, allocation.tail_bytes());
    }
#endif
}

void check_guard(const Allocation& allocation) {
    const char* end = allocation.range.start + allocation.range.bytes;
    const auto damaged = [](const char* from, size_t bytes) -> const char* {
        for (size_t i = 0; i < bytes; i++)
            if (static_cast<unsigned char>(from[i]) != guard_value) return from + i;
        return nullptr;
    };
    hide_guards(allocation, false);
    const char* before = damaged(allocation.whole, guard_bytes);
    const char* after = damaged(end, allocation.tail_bytes());
    hide_guards(allocation, true);
    if (!before && !after) return;
    char text[200];
    if (before)
        snprintf(text, sizeof text, "device memory was written %zd bytes before an allocation of %zu bytes", allocation.range.start - before,
                 allocation.range.bytes);
    else
        snprintf(text, sizeof text, "device memory was written %zd bytes past the end of an allocation of %zu bytes", after - end,
                 allocation.range.bytes);
    record_fault(text);
}

}  // namespace

DeviceRange* device_range(const void* pointer) {
    struct Recent {
        DeviceRange* range = nullptr;
        uint64_t generation = 0;
    };
    static thread_local Recent recent[8];
    static thread_local unsigned next = 0;
    const auto at = static_cast<const char*>(pointer);
    Allocations& allocations = all();
    const uint64_t generation = allocations.generation.load(std::memory_order_relaxed);
    for (const Recent& each : recent)
        if (each.generation == generation && at >= each.range->start && at < each.range->start + each.range->bytes) return each.range;
    std::lock_guard<std::mutex> guard(allocations.mutex);
    auto it = allocations.by_start.upper_bound(at);
    if (it == allocations.by_start.begin()) return nullptr;
    DeviceRange& range = (--it)->second.range;
    if (at >= range.start + range.bytes) return nullptr;
    recent[next++ % 8] = {&range, generation};
    return &range;
}

bool is_device_memory(const void* pointer) { return device_range(pointer) != nullptr; }

void check_guards() {
    std::lock_guard<std::mutex> guard(all().mutex);
    for (const auto& [start, allocation] : all().by_start) check_guard(allocation);
}

}  // namespace emu

using namespace emu;

// Refused before the host's allocator sees it: under ASan that ends the process.
static constexpr size_t most_allocation_bytes = size_t(1) << 39;

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
    if (const cudaError_t error = device_usable()) return error;
    if (!pointer) return cudaErrorInvalidValue;
    *pointer = nullptr;
    if (!bytes) return cudaSuccess;
    if (bytes > most_allocation_bytes) return cudaErrorMemoryAllocation;
    Allocations& allocations = all();
    std::lock_guard<std::mutex> guard(allocations.mutex);
    const int64_t limit = config().fail_malloc_after;
    if (limit >= 0 && allocations.made >= limit) return cudaErrorMemoryAllocation;
    const size_t whole = (bytes + alignment - 1) / alignment * alignment + 2 * guard_bytes;
    auto* memory = static_cast<char*>(aligned_alloc(alignment, whole));
    if (!memory) return cudaErrorMemoryAllocation;
    allocations.made++;
    allocations.bytes += bytes;
    memset(memory, guard_value, whole);
    memset(memory + guard_bytes, 0xff, bytes);       // NaN until written
    const Allocation allocation{{memory + guard_bytes, bytes}, memory};
    hide_guards(allocation, true);
    allocations.by_start[allocation.range.start] = allocation;
    *pointer = allocation.range.start;
    return cudaSuccess;
}

cudaError_t cudaFree(void* pointer) {
    if (const cudaError_t error = device_usable()) return error;
    if (!pointer) return cudaSuccess;
    cudaDeviceSynchronize();
    Allocations& allocations = all();
    std::lock_guard<std::mutex> guard(allocations.mutex);
    const auto it = allocations.by_start.find(static_cast<char*>(pointer));
    if (it == allocations.by_start.end()) return cudaErrorInvalidValue;
    const Allocation allocation = it->second;
    check_guard(allocation);
    hide_guards(allocation, false);
    if (allocation.range.shadow) munmap(allocation.range.shadow, allocation.range.shadow_bytes);
    allocations.by_start.erase(it);
    allocations.bytes -= allocation.range.bytes;
    allocations.generation++;
    free(allocation.whole);
    return last_error().empty() ? cudaSuccess : cudaErrorLaunchFailure;
}

cudaError_t cudaMallocAsync(void** pointer, size_t bytes, cudaStream_t) { return cudaMalloc(pointer, bytes); }

cudaError_t cudaFreeAsync(void* pointer, cudaStream_t) { return cudaFree(pointer); }

cudaError_t cudaMallocHost(void** pointer, size_t bytes) {
    if (const cudaError_t error = device_usable()) return error;
    if (!pointer) return cudaErrorInvalidValue;
    *pointer = bytes && bytes <= most_allocation_bytes ? malloc(bytes) : nullptr;
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
    std::lock_guard<std::mutex> guard(all().mutex);
    *total_bytes = total_memory_bytes;
    *free_bytes = total_memory_bytes - std::min(total_memory_bytes, all().bytes);
    return cudaSuccess;
}
