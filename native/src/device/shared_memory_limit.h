// Kernels that take more shared memory than a launch may by default must be allowed to, each on each device. That is a call into the driver, so it is
// made once: a launch afterwards costs a look at a table.
#pragma once
#include <cuda_runtime.h>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace lsk {

constexpr size_t default_shared_bytes = 48 * 1024;  // what every launch may take

// Which kernels have been allowed all the shared memory of which devices. Any number of threads; nobody waits for another, and two that meet ask twice.
class SharedMemoryLimits {
public:
    // Before a launch on the current device.
    cudaError_t allow(const void* kernel) {
        int device = 0;
        if (const cudaError_t error = cudaGetDevice(&device)) return error;
        std::atomic<uint64_t>* const allowed = device < devices ? devices_of(kernel) : nullptr;
        if (allowed && allowed->load(std::memory_order_acquire) >> device & 1) return cudaSuccess;
        int most = 0;
        if (const cudaError_t error = cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device)) return error;
        if (const cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, most)) return error;
        if (allowed) allowed->fetch_or(uint64_t(1) << device, std::memory_order_release);
        return cudaSuccess;
    }

    // A device that was reset has forgotten; whoever starts to use a device says so here, and kernels are allowed anew.
    void forget(int device) {
        if (device >= devices) return;
        for (Kernel& kernel : kernels_) kernel.devices.fetch_and(~(uint64_t(1) << device), std::memory_order_acq_rel);
    }

private:
    static constexpr int devices = 64;       // bits of a word; kernels on others are asked for at every launch
    static constexpr size_t places = 1024;   // several times the library's kernels, a power of 2

    struct Kernel {
        std::atomic<const void*> function{nullptr};
        std::atomic<uint64_t> devices{0};
    };

    // The kernel's word, its own from now on; null where all are taken.
    std::atomic<uint64_t>* devices_of(const void* kernel) {
        const size_t start = (reinterpret_cast<uintptr_t>(kernel) >> 4) * size_t(0x9e3779b97f4a7c15) >> 32;
        for (size_t i = 0; i < places; i++) {
            Kernel& place = kernels_[(start + i) % places];
            const void* owner = place.function.load(std::memory_order_acquire);
            if (!owner && place.function.compare_exchange_strong(owner, kernel, std::memory_order_acq_rel)) owner = kernel;
            if (owner == kernel) return &place.devices;
        }
        return nullptr;
    }

    std::array<Kernel, places> kernels_;
};

inline SharedMemoryLimits shared_memory_limits;

}  // namespace lsk
