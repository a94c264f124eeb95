// The element-wise part of a gated FFN: h = u silu(g), and its gradients.
#pragma once
#include <cuda_runtime.h>
#include <cstdint>

namespace lsk {

// Tensors of `elements` elements, 16-byte aligned, with room for whole 16-byte chunks.
struct GateParams {
    void* up;               // u; the backward leaves du there
    void* gate;             // g; the backward leaves dg there
    void* hidden;           // h: forward, written
    const void* gradient;   // dh: backward
    int64_t elements;
    int dtype;
};

cudaError_t launch_gate(const GateParams& params, cudaStream_t stream);
cudaError_t launch_gate_backward(const GateParams& params, cudaStream_t stream);

}  // namespace lsk
