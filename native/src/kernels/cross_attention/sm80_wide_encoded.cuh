// The wide kernel over a history of codes. All warps share one tile, which is as large as shared memory allows a stage to be: a slice is decoded into it
// between two barriers, and only the codes of later slices are on their way meanwhile.
#pragma once
#include "kernels/cross_attention/encoded_history.cuh"
#include "kernels/cross_attention/sm80_wide.cuh"

namespace lsk::forward {

template <class Config>
struct WideEncoded : Wide<Config> {
    using Element = typename Config::Element;
    using Tile = typename Config::Tile;
    using Base = Wide<Config>;
    using Base::p, Base::shared, Base::stages;

    const WideEncodedMap& places;

    LSK_DEVICE WideEncoded(const CrossAttentionParams& params, int ring_stages, const WideEncodedMap& map, std::byte* memory)
        : Base{params, map.attention, ring_stages, memory, ptx::thread_index() / 32}, places(map) {}

    LSK_DEVICE std::byte* stage_at(int stage) const { return shared + (places.ring + stage * places.attention.stage_bytes); }

    LSK_DEVICE void load_slice(const AttentionWork& work, std::byte* stage, int token) const {
        const int thread = ptx::thread_index(), valid = min(work.token_end - token, wide_slice);
        const int64_t first = work.history_row + token;
        load_codes(stage, places.row_bytes, p.encoded, static_cast<const std::byte*>(p.keys) + first * p.encoded.row_bytes, p.encoded.row_bytes, valid, thread, wide_warps * 32);
        if (p.encoded.bits < 16) load_scales(stage + places.scales, p.encoded.key_scales + first, 1, valid, thread, wide_warps * 32);
        if (p.key_bias) load_bias(p, work, stage + places.attention.bias_offset, wide_slice, token, thread, wide_warps * 32);
    }

    LSK_DEVICE void attend(const AttentionWork& work, RowState<Config>& state) const {
        state.clear();
        typename Base::Queries queries;
        this->load_queries(work, queries);
        int token = work.token_begin;
        for (int i = 0; i < stages - 1; i++) {
            if (token + i * wide_slice < work.token_end) load_slice(work, stage_at(i), token + i * wide_slice);
            ptx::cp_async_commit();
        }
        const RowBounds<Config> bounds(p, work, 0);
        for (int stage = 0; token < work.token_end; token += wide_slice) {
            wait_for_copies(stages - 2);
            __syncthreads();  // the codes are there, and nobody reads the slice before, or its logits, any more
            const int ahead = token + (stages - 1) * wide_slice;
            if (ahead < work.token_end) load_slice(work, stage_at(stage == 0 ? stages - 1 : stage - 1), ahead);
            ptx::cp_async_commit();

            const std::byte* const slice = stage_at(stage);
            decode_tile<Tile, Element>(shared, p.encoded, slice, slice + places.scales, p.width, wide_slice, work.token_end - token, ptx::thread_index(), wide_warps * 32);
            __syncthreads();  // the tile is there
            this->attend_to(state, queries, shared, slice + places.attention.bias_offset, token, bounds);
            stage = stage + 1 == stages ? 0 : stage + 1;
        }
        wait_for_copies(0);
        __syncthreads();  // the tile becomes the place of outgoing rows
    }
};

template <class Config>
__global__ __launch_bounds__(wide_warps * 32, 1) void wide_encoded_kernel(const CrossAttentionParams p, const int stages, const WideEncodedMap map) {
#if LSK_HAS_SM80
    LSK_SHARED(raw);
    run_wide_works(p, WideEncoded<Config>(p, stages, map, reinterpret_cast<std::byte*>(raw)));
#endif
}

template <class Element>
cudaError_t launch_wide_encoded(const ForwardArrangement& arrangement, const CrossAttentionParams& p, cudaStream_t stream) {
    return for_wide_width(p.width, [&]<int Width>() {
        const WideEncodedMap map = wide_encoded_map(arrangement.stages, Width, int(sizeof(Element)), p.encoded.bits);
        return launch("cross_attention_forward_wide_encoded", wide_encoded_kernel<WideConfig<Element, Width>>, dim3(static_cast<unsigned>(p.blocks)), dim3(wide_warps * 32),
                      static_cast<size_t>(map.attention.bytes), stream, p, arrangement.stages, map);
    });
}

}  // namespace lsk::forward
