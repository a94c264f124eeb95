// One function per PTX instruction that kernels use. Two halves with the same names: inline PTX for nvcc, calls of the emulator for the host.
#pragma once
#include "device/platform.cuh"

#ifdef LSK_EMULATE
#include "ptx_emulated.cuh"
#else
#include "device/ptx_cuda.cuh"
#endif

namespace lsk::ptx {

// Shared-memory descriptor of a wgmma operand in 128-byte swizzled rows. K-major: stride is 1024 (8 rows of 128 bytes).
// MN-major: the same, and leading is the distance between groups of 64 columns.
LSK_DEVICE uint64_t descriptor_128b(uint32_t address, uint32_t leading_bytes, uint32_t stride_bytes) {
    return uint64_t(address >> 4 & 0x3fff) | uint64_t(leading_bytes >> 4) << 16 | uint64_t(stride_bytes >> 4) << 32 | uint64_t(1) << 62;
}

}  // namespace lsk::ptx
