// Cross attention: what the host passes to its kernels and what it may launch.
#pragma once
#include <cuda_runtime.h>
#include <cstdint>
#include "kernels/cross_attention/forward_geometry.h"

namespace lsk {

enum class Score : int32_t { softmax, silu, identity };  // as lsk_score

// A history of codes, which kernels decode as they read it. A row is one key/value head of a token.
struct EncodedHistory {
    const float* key_scales;       // [L, Hkv]; not read for codes of 16 bits
    const float* value_scales;     // [L, Hkv]; the keys' for shared history
    int32_t bits;                  // of a code: 16 (fp16), 8 or 4; 0: rows are elements
    int32_t row_bytes;
    int32_t copy_bytes;            // of one copy: 16, 8 or 4
    bool aligned;                  // to copies of that size; else the bytes of a word are read one by one
    int32_t copy_lanes_log2;       // lanes that copy a row side by side
};

struct CrossAttentionParams {
    const void* queries;           // [T or M, nq, H, dh]
    const void* keys;              // [L, Hkv, dh]
    const void* values;            // [L, Hkv, dh]; the keys for shared history
    EncodedHistory encoded;
    const float* key_bias;         // [L] or null
    void* output;                  // [T, nq, H, dh]
    float* log_sum_exp;            // [T, nq, H] or null
    const int64_t* limits;         // [T] or null
    const AttentionWork* works;    // [works], a block's works side by side
    const int32_t* block_works;    // [blocks + 1]: block b does works [block_works[b], block_works[b + 1])
    uint32_t* tickets;             // zero before and after a run
    float4* partials;              // states of split row tiles, each of state_vectors() per warp of rows
    int32_t blocks;
    int32_t heads;                 // H
    int32_t heads_per_key_value;   // G = H / Hkv
    int32_t queries_per_target;    // nq
    int32_t key_value_heads;       // Hkv
    int32_t width;                 // dh
    Score score;
    float scale;
    float soft_cap;                // 0: none
    float score_divisor;           // 0: the score's own
    int32_t input_dtype;           // lsk_dtype
    int32_t output_dtype;
    bool shared_history;           // one tile of the history serves as keys and as values
    bool aligned_inputs;           // rows of queries, keys and values are whole and aligned 16-byte chunks
    bool aligned_output;
};

cudaError_t launch_cross_attention_forward(const ForwardLaunch& how, const CrossAttentionParams& params, cudaStream_t stream);

}  // namespace lsk
