// What kernels may assume of the compiler: nvcc, or a host compiler that builds them for the emulator. This is the only file that asks.
#pragma once
#include <cstdint>
#include <cuda.h>
#include <cuda_runtime.h>
#include "device/storage_types.h"

#ifdef LSK_EMULATE
#define LSK_DEVICE inline __attribute__((always_inline))
#define LSK_SHARED(name) unsigned char* name = static_cast<unsigned char*>(emu::dynamic_shared())
#define LSK_UNROLL
#else
#define LSK_DEVICE __device__ __forceinline__
#define LSK_SHARED(name) extern __shared__ __align__(1024) unsigned char name[]
#define LSK_UNROLL _Pragma("unroll")
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

// Launches a kernel; `name` is what emulator messages call it. Shared memory beyond the default limit is asked for here.
template <class... Parameters, class... Arguments>
cudaError_t launch(const char* name, void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
                   const Arguments&... arguments) {
#ifdef LSK_EMULATE
    return emu::enqueue(stream, {name, [=] { kernel(arguments...); }, {grid.x, grid.y, grid.z}, {block.x, block.y, block.z}, {}, shared_bytes});
#else
    (void)name;
    if (shared_bytes > 48 * 1024) {
        const cudaError_t error =
            cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize, int(shared_bytes));
        if (error != cudaSuccess) return error;
    }
    kernel<<<grid, block, shared_bytes, stream>>>(arguments...);
    return cudaGetLastError();
#endif
}

}  // namespace lsk
