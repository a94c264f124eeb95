// What kernels may assume of the compiler: nvcc, or a host compiler that builds them for the emulator. This is the only file that asks.
#pragma once
#include <cstdint>
#include <cuda.h>
#include <cuda_runtime.h>
#include "device/shared_memory_limit.h"
#include "device/storage_types.h"

#ifdef LSK_EMULATE
#define LSK_DEVICE inline __attribute__((always_inline))
#define LSK_SHARED(name) unsigned char* name = static_cast<unsigned char*>(emu::dynamic_shared())
#define LSK_UNROLL
#define LSK_ROLLED
#define LSK_UNROLL_TWICE
#else
#define LSK_DEVICE __device__ __forceinline__
#define LSK_SHARED(name) extern __shared__ __align__(1024) unsigned char name[]
#define LSK_UNROLL _Pragma("unroll")
#define LSK_ROLLED _Pragma("unroll 1")
#define LSK_UNROLL_TWICE _Pragma("unroll 2")  // where a whole loop would cost registers
#endif

// Which instruction sets this compilation pass may use.
#if defined(LSK_EMULATE)
#define LSK_HAS_SM80 1
#define LSK_HAS_SM90A 1
#elif defined(__CUDA_ARCH__)
#define LSK_HAS_SM80 (__CUDA_ARCH__ >= 800)
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
#define LSK_HAS_SM90A 1
#else
#define LSK_HAS_SM90A 0
#endif
#else   // nvcc's host pass: device bodies are parsed, never run
#define LSK_HAS_SM80 1
#define LSK_HAS_SM90A 1
#endif

namespace lsk {

// What a launch may ask for beyond its grid.
struct LaunchAttributes {
    dim3 cluster{1, 1, 1};           // blocks that share distributed shared memory; sm_90
    bool overlaps_prior = false;     // may start before the prior launch ends: the kernel calls ptx::wait_for_prior_launch(); sm_90
};

// Launches a kernel; `name` is what emulator messages call it. Shared memory beyond the default limit is asked for here, once.
template <class... Parameters, class... Arguments>
cudaError_t launch_with(const LaunchAttributes& attributes, const char* name, void (*kernel)(Parameters...), dim3 grid, dim3 block,
                        size_t shared_bytes, cudaStream_t stream, const Arguments&... arguments) {
    const void* const function = reinterpret_cast<const void*>(kernel);
    if (shared_bytes > default_shared_bytes) {
        if (const cudaError_t error = shared_memory_limits.allow(function)) return error;
    }
#ifdef LSK_EMULATE
    const auto size = [](const dim3& d) { return emu::Dim{d.x, d.y, d.z}; };
    return emu::enqueue(stream, {name, [=] { kernel(arguments...); }, size(grid), size(block), size(attributes.cluster), shared_bytes, function});
#else
    (void)name;
    cudaLaunchAttribute list[2];
    unsigned count = 0;
    if (attributes.cluster.x * attributes.cluster.y * attributes.cluster.z > 1) {
        list[count].id = cudaLaunchAttributeClusterDimension;
        list[count++].val.clusterDim = {attributes.cluster.x, attributes.cluster.y, attributes.cluster.z};
    }
    if (attributes.overlaps_prior) {
        list[count].id = cudaLaunchAttributeProgrammaticStreamSerialization;
        list[count++].val.programmaticStreamSerializationAllowed = 1;
    }
    cudaLaunchConfig_t config{};
    config.gridDim = grid;
    config.blockDim = block;
    config.dynamicSmemBytes = shared_bytes;
    config.stream = stream;
    config.attrs = list;
    config.numAttrs = count;
    return cudaLaunchKernelEx(&config, kernel, Parameters(arguments)...);
#endif
}

// The same without attributes: what nearly every kernel needs.
template <class... Parameters, class... Arguments>
cudaError_t launch(const char* name, void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
                   const Arguments&... arguments) {
    return launch_with(LaunchAttributes{}, name, kernel, grid, block, shared_bytes, stream, arguments...);
}

}  // namespace lsk
