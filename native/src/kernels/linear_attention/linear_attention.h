// Linear attention: what the host passes and what it may launch. phi1 acts on rows of queries and keys, phi2 on the scaled state.
#pragma once
#include <cuda_runtime.h>
#include <cstdint>
#include "device/row_alignment.h"
#include "longseqkernels/lsk.h"
#include "plan/linear_attention.h"

namespace lsk {

struct LinearAttentionWidths {
    int heads;
    int key_width;
    int value_width;
    int key_blocks;
    int value_blocks;
};

// What turns a state M into what is read of it: phi2(scale M), or M itself where the activation is the identity and the scale 1.
struct StateReading {
    lsk_activation activation;
    float scale;
};

// state[b, h] += sum over rows of phi1(key) value^T, or, as the gradient of phi2(s M), carried on to M first.
struct LinearAttentionStateParams {
    const void* keys;         // [rows, H, dk]
    const void* values;       // [rows, H, dv]
    float* state;             // [segments, H, dk, dv]
    const float* read_state;  // [segments, H, dk, dv]: the sum is the gradient of what was read of it; or null
    const RowSpan* spans;     // [span_count]
    float4* partials;         // [partials, H, key blocks, value blocks, 64 * 64 / 4]
    uint32_t* tickets;        // [H, key blocks, value blocks, tickets]
    int64_t span_count;
    int tickets_per_unit;
    lsk_dtype dtype;
    RowAlignment key_alignment;
    RowAlignment value_alignment;
    lsk_activation row_activation;
    StateReading reading;
    LinearAttentionWidths widths;
};

// Rows times a state S = phi2(s M), both ways in one pass; a null output is not computed:
// value_output = phi1(key) S + (phi1(key) . phi1(self key)) self value
// key_output   = phi1'(key) * (value S^T + (value . self value) phi1(self key)), and with a self term the gradients of its rows.
struct LinearAttentionRowsParams {
    const void* keys;               // [rows, H, dk]: queries, or the keys of a history
    const void* values;             // [rows, H, dv]: the output's gradient, or the values of a history; for key_output
    const float* state;             // [segments, H, dk, dv]
    const void* self_keys;          // [rows, H, dk] or null: no self term
    const void* self_values;        // [rows, H, dv]
    void* value_output;             // [rows, H, dv]
    void* key_output;               // [rows, H, dk]
    void* self_key_gradient;        // [rows, H, dk]
    void* self_value_gradient;      // [rows, H, dv]
    const RowSpan* spans;           // [span_count]
    int64_t span_count;
    lsk_dtype dtype;
    RowAlignment key_alignment;
    RowAlignment value_alignment;
    lsk_activation row_activation;
    StateReading reading;
    LinearAttentionWidths widths;
};

cudaError_t launch_linear_attention_state(const LinearAttentionStateParams& params, cudaStream_t stream);
cudaError_t launch_linear_attention_rows(const LinearAttentionRowsParams& params, cudaStream_t stream);

}  // namespace lsk
