#include "kernels/by_element.h"
#include "kernels/gated_ffn/sm80_gate.cuh"

namespace lsk {

using namespace gated_ffn;

cudaError_t launch_gate(const GateParams& params, cudaStream_t stream) {
    return by_element(params.dtype, [&](auto element) {
        using Element = decltype(element);
        return launch("gated_ffn_gate", gate_kernel<Element>, dim3(blocks_of(params.elements, gate_threads * Chunk<Element>::elements)), dim3(gate_threads), 0, stream, params);
    });
}

cudaError_t launch_gate_backward(const GateParams& params, cudaStream_t stream) {
    return by_element(params.dtype, [&](auto element) {
        using Element = decltype(element);
        return launch("gated_ffn_gate_backward", gate_backward_kernel<Element>, dim3(blocks_of(params.elements, gate_threads * Chunk<Element>::elements)),
                      dim3(gate_threads), 0, stream, params);
    });
}

}  // namespace lsk
