// Stands in for the CUDA toolkit's header when the library is built for the emulator: the language extensions and the
// built-in functions of device code, and the runtime API.
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <type_traits>
#include "cuda_runtime_api.h"
#include "emu.h"

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __cluster_dims__(...)
#define __grid_constant__
#define __align__(n) alignas(n)
// __shared__ is left undefined on purpose: kernels take shared memory through LSK_SHARED only.

// ---- vector types --------------------------------------------------------------------------------------------------

struct uint3 {
    unsigned x, y, z;
};
struct dim3 : uint3 {
    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : uint3{x_, y_, z_} {}
};
struct alignas(8) int2 {
    int x, y;
};
struct alignas(16) int4 {
    int x, y, z, w;
};
struct alignas(8) uint2 {
    unsigned x, y;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
struct alignas(8) float2 {
    float x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
struct alignas(16) longlong2 {
    long long x, y;
};
struct alignas(16) double2 {
    double x, y;
};

inline int2 make_int2(int x, int y) { return {x, y}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

// ---- built-in variables ----------------------------------------------------------------------------------------------

// The initial-exec model costs one load an access; a plain thread_local would call a function.
#define EMU_THREAD_LOCAL __attribute__((tls_model("initial-exec")))
extern __thread uint3 threadIdx EMU_THREAD_LOCAL;
extern __thread uint3 blockIdx EMU_THREAD_LOCAL;
extern __thread uint3 blockDim EMU_THREAD_LOCAL;
extern __thread uint3 gridDim EMU_THREAD_LOCAL;
constexpr int warpSize = 32;

// ---- synchronisation, votes, shuffles ----------------------------------------------------------------------------------

inline void __syncthreads() { emu::bar_sync(0, -1); }
inline int __syncthreads_count(int predicate) { return emu::bar_reduce(predicate); }
inline int __syncthreads_or(int predicate) { return emu::bar_reduce(predicate) != 0; }
inline int __syncthreads_and(int predicate) { return emu::bar_reduce(!predicate) == 0; }
inline void __syncwarp(unsigned mask = 0xffffffffu) { emu::sync_warp(mask); }
inline void __threadfence() { emu::thread_fence(); }
inline void __threadfence_block() {}
inline void __trap() { emu::fault("__trap()"); }

namespace emu {
template <class T>
T shuffle_any(Shuffle kind, unsigned mask, T value, unsigned lane, int width) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move 4 or 8 bytes");
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(T));
    bits = shuffle(kind, mask, bits, lane, width);
    std::memcpy(&value, &bits, sizeof(T));
    return value;
}
}  // namespace emu

template <class T>
T __shfl_sync(unsigned mask, T value, int lane, int width = 32) {
    return emu::shuffle_any(emu::Shuffle::index, mask, value, unsigned(lane), width);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32) {
    return emu::shuffle_any(emu::Shuffle::butterfly, mask, value, unsigned(lanes), width);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
    return emu::shuffle_any(emu::Shuffle::up, mask, value, delta, width);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
    return emu::shuffle_any(emu::Shuffle::down, mask, value, delta, width);
}
inline unsigned __ballot_sync(unsigned mask, int predicate) { return emu::ballot(mask, predicate != 0); }
inline int __any_sync(unsigned mask, int predicate) { return emu::ballot(mask, predicate != 0) != 0; }
inline int __all_sync(unsigned mask, int predicate) { return emu::ballot(mask, predicate == 0) == 0; }

// ---- arithmetic --------------------------------------------------------------------------------------------------------

inline unsigned __float_as_uint(float value) { return std::bit_cast<unsigned>(value); }
inline float __uint_as_float(unsigned value) { return std::bit_cast<float>(value); }
inline int __float_as_int(float value) { return std::bit_cast<int>(value); }
inline float __int_as_float(int value) { return std::bit_cast<float>(value); }
inline int __popc(unsigned value) { return __builtin_popcount(value); }
inline int __popcll(unsigned long long value) { return __builtin_popcountll(value); }
inline int __ffs(int value) { return __builtin_ffs(value); }
inline int __clz(int value) { return value ? __builtin_clz(unsigned(value)) : 32; }
inline float rsqrtf(float value) { return 1.0f / std::sqrt(value); }
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fdividef(float a, float b) { return a / b; }
inline float __frcp_rn(float value) { return 1.0f / value; }
inline float __expf(float value) { return std::exp(value); }
inline float __logf(float value) { return std::log(value); }
inline float __saturatef(float value) { return value > 0.0f ? (value < 1.0f ? value : 1.0f) : 0.0f; }
inline int __float2int_rn(float value) { return int(std::nearbyint(value)); }
using std::max;
using std::min;

// ---- memory -----------------------------------------------------------------------------------------------------------

template <class T>
T __ldg(const T* address) {
    return *address;
}

template <class T>
T atomicAdd(T* address, T value) {
    if constexpr (std::is_same_v<T, float>)
        return emu::atomic_add_f32(address, value, emu::Order::relaxed);
    else if constexpr (sizeof(T) == 8)
        return T(emu::atomic_u64(emu::Atomic::add, address, uint64_t(value), emu::Order::relaxed));
    else
        return T(emu::atomic_u32(emu::Atomic::add, address, uint32_t(value), emu::Order::relaxed));
}
template <class T>
T atomicExch(T* address, T value) {
    static_assert(sizeof(T) == 4 && std::is_integral_v<T>);
    return T(emu::atomic_u32(emu::Atomic::exchange, address, uint32_t(value), emu::Order::relaxed));
}
inline int atomicMax(int* address, int value) { return emu::atomic_s32(emu::Atomic::maximum, address, value, emu::Order::relaxed); }
inline int atomicMin(int* address, int value) { return emu::atomic_s32(emu::Atomic::minimum, address, value, emu::Order::relaxed); }
inline unsigned atomicMax(unsigned* address, unsigned value) {
    return emu::atomic_u32(emu::Atomic::maximum, address, value, emu::Order::relaxed);
}
inline unsigned atomicMin(unsigned* address, unsigned value) {
    return emu::atomic_u32(emu::Atomic::minimum, address, value, emu::Order::relaxed);
}
inline unsigned atomicOr(unsigned* address, unsigned value) { return emu::atomic_u32(emu::Atomic::bit_or, address, value, emu::Order::relaxed); }
inline unsigned atomicAnd(unsigned* address, unsigned value) {
    return emu::atomic_u32(emu::Atomic::bit_and, address, value, emu::Order::relaxed);
}
inline unsigned atomicCAS(unsigned* address, unsigned expected, unsigned desired) {
    return emu::atomic_cas_u32(address, expected, desired, emu::Order::relaxed);
}
inline int atomicCAS(int* address, int expected, int desired) {
    return int(emu::atomic_cas_u32(address, unsigned(expected), unsigned(desired), emu::Order::relaxed));
}
