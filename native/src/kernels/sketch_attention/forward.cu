#include "kernels/sketch_attention/by_width.h"
#include "kernels/sketch_attention/sm80_sketch.cuh"
#include "kernels/sketch_attention/sm80_token_lse.cuh"

namespace lsk {

using namespace sketch_attention;

cudaError_t launch_sketch_token_lse(const SketchAttentionParams& params, cudaStream_t stream) {
    if (params.total == 0) return cudaSuccess;
    return by_configuration(params, [&](auto configuration) {
        using Config = decltype(configuration);
        return launch("sketch_token_lse", token_lse_kernel<Config>, dim3(blocks_of(params.total, kept_rows)), dim3(threads), sizeof(TokenLseShared<Config>), stream, params);
    });
}

cudaError_t launch_sketch(const SketchAttentionParams& params, cudaStream_t stream) {
    if (params.span_count == 0) return cudaSuccess;
    return by_configuration(params, [&](auto configuration) {
        using Config = decltype(configuration);
        return launch("sketch", sketch_kernel<Config>, dim3(blocks_of(params.span_count * blocks_of_prototypes(params), 1)), dim3(threads), sizeof(SketchShared<Config>),
                      stream, params);
    });
}

int64_t sketch_partial_vectors(int key_width, int value_width) {
    return threads * by_width<float>(key_width, value_width, [](auto configuration) { return sketch_vectors<decltype(configuration)>; });
}

int64_t sketch_forward_shared_bytes(int element_bytes, int key_width, int value_width) {
    return shared_bytes_by_configuration(element_bytes, key_width, value_width, [](auto configuration) {
        using Config = decltype(configuration);
        return static_cast<int64_t>(std::max(sizeof(TokenLseShared<Config>), sizeof(SketchShared<Config>)));
    });
}

}  // namespace lsk
