// One 16-byte chunk of every tensor a thread.
#pragma once
#include "device/chunk.cuh"
#include "kernels/gated_ffn/gate.h"
#include "kernels/gated_ffn/silu.cuh"

namespace lsk::gated_ffn {

constexpr int gate_threads = 256;

template <class Element>
LSK_DEVICE Chunk<Element> chunk_at(const void* tensor, int64_t index) {
    return unpack_chunk<Element>(static_cast<const uint4*>(tensor)[index]);
}

template <class Element>
__global__ __launch_bounds__(gate_threads) void gate_kernel(const GateParams p) {
    constexpr int elements = Chunk<Element>::elements;
    const int64_t index = int64_t(blockIdx.x) * gate_threads + threadIdx.x;
    if (index * elements >= p.elements) return;
    const Chunk<Element> up = chunk_at<Element>(p.up, index), gate = chunk_at<Element>(p.gate, index);
    Chunk<Element> hidden;
    LSK_UNROLL for (int i = 0; i < elements; i++) hidden.value[i] = up.value[i] * silu(gate.value[i]);
    static_cast<uint4*>(p.hidden)[index] = pack_chunk(hidden);
}

// du = dh silu(g), dg = dh u silu'(g).
template <class Element>
__global__ __launch_bounds__(gate_threads) void gate_backward_kernel(const GateParams p) {
    constexpr int elements = Chunk<Element>::elements;
    const int64_t index = int64_t(blockIdx.x) * gate_threads + threadIdx.x;
    if (index * elements >= p.elements) return;
    Chunk<Element> up = chunk_at<Element>(p.up, index), gate = chunk_at<Element>(p.gate, index);
    const Chunk<Element> gradient = chunk_at<Element>(p.gradient, index);
    LSK_UNROLL for (int i = 0; i < elements; i++) {
        const float g = gate.value[i], s = sigmoid(g);
        gate.value[i] = gradient.value[i] * up.value[i] * (s * (1.0f + g * (1.0f - s)));
        up.value[i] = gradient.value[i] * (g * s);
    }
    static_cast<uint4*>(p.up)[index] = pack_chunk(up);
    static_cast<uint4*>(p.gate)[index] = pack_chunk(gate);
}

}  // namespace lsk::gated_ffn
