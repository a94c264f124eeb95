// Cross attention backward: what the host passes to its kernels and what it may launch.
#pragma once
#include "kernels/cross_attention/backward_geometry.h"
#include "kernels/cross_attention/cross_attention.h"

namespace lsk {

struct CrossAttentionBackwardParams {
    CrossAttentionParams attention;  // the forward's tensors, its output and LSE as inputs; works, partials and tickets are not used here
    const void* output_gradient;     // [T, nq, H, dh]
    const float* log_sum_exp_gradient;  // [T, nq, H] or null
    void* query_gradient;            // as queries, or null; not used where partials are summed by another kernel
    void* key_gradient;              // as keys, or null; for shared history with the part of the values
    void* value_gradient;            // as values, or null; null for shared history
    float* key_bias_gradient;        // [Hkv, L] or null
    float* deltas;                   // [T, nq, H] rowsum(dO O) - dLSE: written by the row pass, read by the token pass
    const BackwardWork* works;
    float* partials;                 // query gradients of splits, [slots, partial_stride]
    int64_t partial_stride;
    uint32_t* tickets;               // zero before and after a run
    int64_t history_rows;            // L
    int32_t delta_lanes;             // lanes that share a row of dO O, a power of 2
    bool broadcast;                  // every work leaves a partial query gradient, a whole query tensor each, that another kernel sums
};

// Query gradients of row tiles; with tiles that are whole problems also history gradients, complete.
cudaError_t launch_cross_attention_backward_rows(const backward::ResidentArrangement& how, const CrossAttentionBackwardParams& params, cudaStream_t stream);

// History gradients, of all rows of a problem.
cudaError_t launch_cross_attention_backward_tokens(const backward::TokenArrangement& how, const CrossAttentionBackwardParams& params, cudaStream_t stream);

}  // namespace lsk
