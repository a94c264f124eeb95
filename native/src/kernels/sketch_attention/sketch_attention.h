// Sketch attention: what the host passes and what it may launch. Weights A_ji = exp(scale p_j . k_i - lse_i) are recomputed wherever they are needed.
#pragma once
#include <cuda_runtime.h>
#include <cstdint>
#include "device/row_alignment.h"
#include "longseqkernels/lsk.h"
#include "plan/sketch_attention.h"

namespace lsk {

constexpr int sketch_widest = 256;    // of keys and of values: sums of a tile's rows have to fit into the registers

// A prototype's part in the gradients: its sums are multiplied by `inverse_mass`, its mass has gradient `mass_gradient`. Without normalization 1 and 0.
struct SketchFactors {
    float inverse_mass;
    float mass_gradient;
};

struct SketchAttentionParams {
    const void* prototypes;      // [k, dk]
    const void* keys;            // [L, dk]
    const void* values;          // [L, dv]
    void* sketch;                // [segments, k, dv]
    float* token_log_sum_exp;    // [L]
    float* mass;                 // [segments, k]

    const void* sketch_gradient;  // [segments, k, dv]; this and the following: backward only
    void* prototype_gradient;     // [k, dk]
    void* key_gradient;           // [L, dk]
    void* value_gradient;         // [L, dv]
    SketchFactors* factors;       // [segments, k], or null without normalization
    float* weight_means;          // [L] sum over prototypes of A dA

    const RowSpan* spans;         // [span_count] tokens
    const int32_t* block_spans;   // [parts + 1]; gradient of the prototypes only
    float4* partials;             // slots of a block's results
    unsigned* tickets;
    int64_t span_count;
    int64_t total;                // L
    int64_t segments;
    int parts;
    int part_group;               // parts of a merge group
    int tickets_per_unit;
    int prototype_count;          // k
    int key_width;
    int value_width;
    float scale;
    lsk_dtype dtype;
    RowAlignment key_alignment;
    RowAlignment value_alignment;
    lsk_normalization normalization;
};

cudaError_t launch_sketch_token_lse(const SketchAttentionParams& params, cudaStream_t stream);
cudaError_t launch_sketch(const SketchAttentionParams& params, cudaStream_t stream);
cudaError_t launch_sketch_factors(const SketchAttentionParams& params, cudaStream_t stream);
cudaError_t launch_sketch_token_gradients(const SketchAttentionParams& params, cudaStream_t stream);
cudaError_t launch_sketch_prototype_gradient(const SketchAttentionParams& params, cudaStream_t stream);

// float4s of one partial result of the sketch, and of the gradient of the prototypes, for a block of prototypes.
int64_t sketch_partial_vectors(int key_width, int value_width);
int64_t prototype_gradient_partial_vectors(int key_width, int value_width);

// Shared memory of the blocks of either direction: of fp32 wider than 128, more than every device has.
int64_t sketch_forward_shared_bytes(int element_bytes, int key_width, int value_width);
int64_t sketch_backward_shared_bytes(int element_bytes, int key_width, int value_width);

}  // namespace lsk
