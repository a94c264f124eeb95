// Cross attention forward over a history of codes: the kernel of sm80_forward.cuh, but for how slices come in. The ring's stages hold codes and scales;
// while a token group computes on one decoded tile it fills the other, so that a slice costs one barrier here too.
#pragma once
#include "kernels/cross_attention/encoded_history.cuh"
#include "kernels/cross_attention/sm80_forward.cuh"
#include "kernels/cross_attention/sm80_wide_encoded.cuh"

namespace lsk::forward {

template <class Config>
struct Encoded : Forward<Config> {
    using Element = typename Config::Element;
    using Layout = typename Config::Layout;
    using Base = Forward<Config>;
    using Base::p, Base::place, Base::shared;

    const EncodedMap& places;

    LSK_DEVICE Encoded(const CrossAttentionParams& params, const ForwardArrangement& arrangement, const EncodedMap& map, std::byte* memory)
        : Base{params, arrangement, map.attention, memory, Place{arrangement}}, places(map) {}

    // Starts the copies of a slice of tokens from `token` into a stage.
    LSK_DEVICE void load_slice(const AttentionWork& work, std::byte* stage, int token) const {
        const int thread = place.group_thread(), threads = place.group_threads(), valid = min(work.token_end - token, Config::slice);
        const int64_t first = (work.history_row + token) * p.key_value_heads + work.key_value_head, stride = int64_t(p.key_value_heads) * p.encoded.row_bytes;
        load_codes(stage, places.row_bytes, p.encoded, static_cast<const std::byte*>(p.keys) + first * p.encoded.row_bytes, stride, valid, thread, threads);
        if (!p.shared_history)
            load_codes(stage + places.value_codes, places.row_bytes, p.encoded, static_cast<const std::byte*>(p.values) + first * p.encoded.row_bytes, stride, valid, thread, threads);
        if (p.encoded.bits < 16) {
            load_scales(stage + places.key_scales, p.encoded.key_scales + first, p.key_value_heads, valid, thread, threads);
            if (!p.shared_history) load_scales(stage + places.value_scales, p.encoded.value_scales + first, p.key_value_heads, valid, thread, threads);
        }
        if (p.key_bias) load_bias(p, work, stage + places.attention.bias_offset, Config::slice, token, thread, threads);
    }

    // Decodes the slice that begins at `token`.
    LSK_DEVICE void decode_slice(const AttentionWork& work, std::byte* tile, const std::byte* stage, int token) const {
        const int thread = place.group_thread(), threads = place.group_threads(), valid = work.token_end - token;
        decode_tile<Layout, Element>(tile, p.encoded, stage, stage + places.key_scales, p.width, Config::slice, valid, thread, threads);
        if (!p.shared_history)
            decode_tile<Layout, Element>(tile + places.attention.value_offset, p.encoded, stage + places.value_codes, stage + places.value_scales, p.width, Config::slice, valid, thread, threads);
    }

    // As in sm80_forward.cuh, with a slice decoded one turn before its products.
    LSK_DEVICE void attend(const AttentionWork& work, RowState<Config>& state) const {
        state.clear();
        const int stages = this->arrangement.stages, stride = this->arrangement.token_groups * Config::slice, end = work.token_end;
        const auto stage_at = [&](int stage) { return shared + (places.attention.ring + place.token_group() * places.attention.group_bytes + stage * places.attention.stage_bytes); };
        const auto tile_at = [&](int tile) { return shared + (places.tiles + (place.token_group() * 2 + tile) * places.tile_bytes); };
        int token = work.token_begin + place.token_group() * Config::slice;

        this->load_queries(work);
        ptx::cp_async_commit();
        for (int i = 0; i < stages - 1; i++) {
            if (token + i * stride < end) load_slice(work, stage_at(i), token + i * stride);
            ptx::cp_async_commit();
        }
        const RowBounds<Config> bounds(p, work, place.row_warp() * Config::rows);
        wait_for_copies(stages - 2);
        __syncthreads();  // the queries are there for every group, and the codes of its first slice
        if (token < end) decode_slice(work, tile_at(0), stage_at(0), token);

        for (int stage = 0, tile = 0; token < end; token += stride, tile ^= 1) {
            wait_for_copies(stages - 3);
            place.synchronize_group();  // this slice is decoded, the codes of the next are there, and nobody reads the one before any more
            if (token + (stages - 1) * stride < end) load_slice(work, stage_at(stage == 0 ? stages - 1 : stage - 1), token + (stages - 1) * stride);
            ptx::cp_async_commit();
            const std::byte* const bias = stage_at(stage) + places.attention.bias_offset;
            stage = stage + 1 == stages ? 0 : stage + 1;
            if (token + stride < end) decode_slice(work, tile_at(tile ^ 1), stage_at(stage), token + stride);
            this->attend_to(state, ptx::shared_address(tile_at(tile)), bias, token, bounds);
        }
        wait_for_copies(0);
        __syncthreads();  // tiles and ring become the place of exchange
    }
};

template <class Config>
__global__ __launch_bounds__(max_threads, 1) void encoded_kernel(const CrossAttentionParams p, const ForwardArrangement arrangement, const EncodedMap map) {
#if LSK_HAS_SM80
    LSK_SHARED(raw);
    run_works(p, Encoded<Config>(p, arrangement, map, reinterpret_cast<std::byte*>(raw)));
#endif
}

// One function a storage type: which variants it has, says has_encoded_variant.
template <class Element>
cudaError_t launch_encoded(const ForwardLaunch& how, const CrossAttentionParams& p, cudaStream_t stream) {
    const auto launch_variant = [&]<ForwardVariant Variant>() {
        return for_width(p.width, [&]<int Width>() {
            if constexpr (has_encoded_variant(Variant, int(sizeof(Element)), Width)) {
                using Chosen = Config<Element, Width, row_tiles(Variant), slice_tokens(Variant, Width * int(sizeof(Element)))>;
                const EncodedMap map = encoded_map(Variant, how.arrangement, Width, int(sizeof(Element)), p.shared_history, p.encoded.bits);
                const unsigned threads = static_cast<unsigned>(how.arrangement.row_warps * how.arrangement.token_groups * 32);
                return launch("cross_attention_forward_encoded", encoded_kernel<Chosen>, dim3(static_cast<unsigned>(p.blocks)), dim3(threads),
                              static_cast<size_t>(map.attention.bytes), stream, p, how.arrangement, map);
            } else {
                return cudaErrorInvalidValue;  // plans do not choose it
            }
        });
    };
    switch (how.variant) {
        case ForwardVariant::stream16: return launch_variant.template operator()<ForwardVariant::stream16>();
        case ForwardVariant::tiles16: return launch_variant.template operator()<ForwardVariant::tiles16>();
        case ForwardVariant::tiles32: return launch_variant.template operator()<ForwardVariant::tiles32>();
        case ForwardVariant::wide16: return launch_wide_encoded<Element>(how.arrangement, p, stream);
        default: return cudaErrorInvalidValue;
    }
}

}  // namespace lsk::forward
