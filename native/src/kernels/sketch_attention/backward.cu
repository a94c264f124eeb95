#include "kernels/sketch_attention/by_width.h"
#include "kernels/sketch_attention/sm80_factors.cuh"
#include "kernels/sketch_attention/sm80_prototype_gradient.cuh"
#include "kernels/sketch_attention/sm80_token_gradients.cuh"

namespace lsk {

using namespace sketch_attention;

cudaError_t launch_sketch_factors(const SketchAttentionParams& params, cudaStream_t stream) {
    if (params.segments == 0) return cudaSuccess;
    return by_element(params.dtype, [&](auto element) {
        return launch("sketch_factors", factors_kernel<decltype(element)>, dim3(blocks_of(params.segments * params.prototype_count, warps)), dim3(threads), 0, stream, params);
    });
}

cudaError_t launch_sketch_token_gradients(const SketchAttentionParams& params, cudaStream_t stream) {
    if (params.span_count == 0) return cudaSuccess;
    return by_configuration(params, [&](auto configuration) {
        using Config = decltype(configuration);
        return launch("sketch_token_gradients", token_gradients_kernel<Config>, dim3(blocks_of(params.span_count, 1)), dim3(threads),
                      sizeof(TokenGradientsShared<Config>), stream, params);
    });
}

cudaError_t launch_sketch_prototype_gradient(const SketchAttentionParams& params, cudaStream_t stream) {
    return by_configuration(params, [&](auto configuration) {
        using Config = decltype(configuration);
        return launch("sketch_prototype_gradient", prototype_gradient_kernel<Config>, dim3(blocks_of(params.parts * blocks_of_prototypes(params), 1)), dim3(threads),
                      sizeof(PrototypeGradientShared<Config>), stream, params);
    });
}

int64_t prototype_gradient_partial_vectors(int key_width, int value_width) {
    return threads * by_width<float>(key_width, value_width, [](auto configuration) { return decltype(configuration)::width_columns; });
}

int64_t sketch_backward_shared_bytes(int element_bytes, int key_width, int value_width) {
    return shared_bytes_by_configuration(element_bytes, key_width, value_width, [](auto configuration) {
        using Config = decltype(configuration);
        return static_cast<int64_t>(std::max(sizeof(TokenGradientsShared<Config>), sizeof(PrototypeGradientShared<Config>)));
    });
}

}  // namespace lsk
