// What the division by the mass does to the gradients, for every row of the sketches: with r = 1 / (mass + epsilon), dG is multiplied by r, and the mass
// has the gradient -r dG . sketch. A warp takes a row.
#pragma once
#include "kernels/sketch_attention/sketch_tiles.cuh"

namespace lsk::sketch_attention {

template <class Element>
__global__ __launch_bounds__(threads) void factors_kernel(const SketchAttentionParams p) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const int64_t row = int64_t(blockIdx.x) * warps + threadIdx.x / 32;
    if (row >= p.segments * p.prototype_count) return;
    const auto* sketch = static_cast<const Element*>(p.sketch) + row * p.value_width;
    const auto* gradient = static_cast<const Element*>(p.sketch_gradient) + row * p.value_width;
    float dot = 0.0f;
    for (int column = lane * Chunk<Element>::elements; column < p.value_width; column += 32 * Chunk<Element>::elements) {
        const Chunk<Element> a = load_chunk(sketch, column, p.value_width, p.value_alignment), b = load_chunk(gradient, column, p.value_width, p.value_alignment);
        LSK_UNROLL for (int i = 0; i < Chunk<Element>::elements; i++) dot += a.value[i] * b.value[i];
    }
    dot = warp_sum(dot);
    const float inverse_mass = 1.0f / (p.mass[row] + mass_epsilon);
    if (lane == 0) p.factors[row] = {inverse_mass, -dot * inverse_mass};
}

}  // namespace lsk::sketch_attention
