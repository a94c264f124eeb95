// From an element type and widths known at run time to a configuration of the kernels.
#pragma once
#include <algorithm>
#include "kernels/by_element.h"
#include "kernels/sketch_attention/sketch_tiles.cuh"

namespace lsk::sketch_attention {

template <class Run>
cudaError_t by_configuration(const SketchAttentionParams& params, Run&& run) {
    return by_element(params.dtype, [&](auto element) {
        using Element = decltype(element);
        return std::max(params.key_width, params.value_width) <= 64 ? run(Config<Element, 64>{}) : run(Config<Element, 128>{});
    });
}

inline int64_t blocks_of_prototypes(const SketchAttentionParams& params) { return (params.prototype_count + kept_rows - 1) / kept_rows; }

}  // namespace lsk::sketch_attention
