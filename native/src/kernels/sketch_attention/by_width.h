// From an element type and widths known at run time to a configuration of the kernels.
#pragma once
#include <algorithm>
#include "kernels/by_element.h"
#include "kernels/sketch_attention/sketch_tiles.cuh"

namespace lsk::sketch_attention {

// What `run` makes of the configuration for the wider of keys and values.
template <class Element, class Run>
auto by_width(int key_width, int value_width, Run&& run) {
    const int widest = std::max(key_width, value_width);
    return widest <= 64 ? run(Config<Element, 64>{}) : widest <= 128 ? run(Config<Element, 128>{}) : run(Config<Element, 256>{});
}

template <class Run>
cudaError_t by_configuration(const SketchAttentionParams& params, Run&& run) {
    return by_element(params.dtype, [&](auto element) { return by_width<decltype(element)>(params.key_width, params.value_width, run); });
}

// Shared memory of a block, by what all types of a size have in common.
template <class Bytes>
int64_t shared_bytes_by_configuration(int element_bytes, int key_width, int value_width, Bytes&& bytes) {
    return element_bytes == 4 ? by_width<float>(key_width, value_width, bytes) : by_width<bf16>(key_width, value_width, bytes);
}

inline int64_t blocks_of_prototypes(const SketchAttentionParams& params) { return (params.prototype_count + kept_rows - 1) / kept_rows; }

}  // namespace lsk::sketch_attention
