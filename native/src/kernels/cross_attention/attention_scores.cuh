// From products q . k to weights: scale, soft cap, key bias, limits, score function; the online softmax in powers of two with a lazy maximum.
#pragma once
#include "kernels/cross_attention/attention_state.cuh"
#include "kernels/cross_attention/cross_attention.h"

namespace lsk::forward {

// The maximum moves only when it grew by more than this (log2): weights then stay below 2^8, and almost no slice rescales the output. Exact, because
// numerator and denominator use the same maximum.
constexpr float lazy_growth = 8.0f;

// How logits are made, the same for all rows of a launch.
struct ScoreRule {
    Score score;
    bool plain;         // softmax of scale * product alone: the scale is folded into the exponent
    float scale;        // of products
    float soft_cap;
    const float* bias;  // in shared memory, of the slice; null for none

    LSK_DEVICE explicit ScoreRule(const CrossAttentionParams& p)
        : score(p.score), plain(p.score == Score::softmax && p.soft_cap == 0.0f && !p.key_bias && p.scale > 0.0f), scale(p.scale), soft_cap(p.soft_cap), bias(nullptr) {}

    // What turns the numbers of a slice into powers of two.
    LSK_DEVICE float to_log2() const { return plain ? scale * log2_e : 1.0f; }
};

// Within a few units in the last place everywhere, which tanh.approx is not.
LSK_DEVICE float accurate_tanh(float x) {
    const float size = fabsf(x), y = x * x, e = ptx::exp2(-2.0f * log2_e * size);
    const float near = size * (1.0f + y * (-1.0f / 3 + y * (2.0f / 15 + y * (-17.0f / 315 + y * (62.0f / 2835)))));
    return copysignf(size < 0.25f ? near : (1.0f - e) * ptx::reciprocal(1.0f + e), x);
}

// Products to logits; for softmax in log2 units.
template <int TokenColumns>
LSK_DEVICE void to_logits(float (&s)[TokenColumns][4], const ScoreRule& rule, int lane) {
    const float unit = rule.score == Score::softmax ? log2_e : 1.0f;
    LSK_UNROLL for (int c = 0; c < TokenColumns; c++) {
        float2 bias = make_float2(0.0f, 0.0f);
        if (rule.bias) bias = *reinterpret_cast<const float2*>(rule.bias + c * 8 + lane % 4 * 2);
        LSK_UNROLL for (int e = 0; e < 4; e++) {
            float x = s[c][e] * rule.scale;
            if (rule.soft_cap != 0.0f) x = rule.soft_cap * accurate_tanh(x * ptx::reciprocal(rule.soft_cap));
            s[c][e] = (x + (e % 2 ? bias.y : bias.x)) * unit;
        }
    }
}

// Gives tokens from `bound` on (relative to the slice, one bound a row half) the value that no weight comes from.
template <int TokenColumns>
LSK_DEVICE void mask(float (&s)[TokenColumns][4], const int (&bound)[2], float hidden, int lane) {
    LSK_UNROLL for (int c = 0; c < TokenColumns; c++)
        LSK_UNROLL for (int e = 0; e < 4; e++)
            if (c * 8 + lane % 4 * 2 + e % 2 >= bound[e / 2]) s[c][e] = hidden;
}

template <int TokenColumns>
LSK_DEVICE void apply_silu(float (&s)[TokenColumns][4]) {
    LSK_UNROLL for (int c = 0; c < TokenColumns; c++)
        LSK_UNROLL for (int e = 0; e < 4; e++) s[c][e] *= ptx::reciprocal(1.0f + ptx::exp2(-log2_e * s[c][e]));
}

// Moves the maxima of the rows where the slice needs it.
template <class Config>
LSK_DEVICE void raise_tops(RowState<Config>& state, const float (&s)[Config::row_tiles][Config::token_columns][4], float to_log2) {
    float local[Config::row_tiles][2];
    bool grew = false;
    LSK_UNROLL for (int r = 0; r < Config::row_tiles; r++)
        LSK_UNROLL for (int h = 0; h < 2; h++) {
            local[r][h] = -INFINITY;
            LSK_UNROLL for (int c = 0; c < Config::token_columns; c++) local[r][h] = fmaxf(local[r][h], fmaxf(s[r][c][h * 2], s[r][c][h * 2 + 1]));
            local[r][h] *= to_log2;
            grew = grew || local[r][h] > state.top[r][h] + lazy_growth;
        }
    if (!__any_sync(all_lanes, grew)) return;
    LSK_UNROLL for (int r = 0; r < Config::row_tiles; r++)
        LSK_UNROLL for (int h = 0; h < 2; h++) {
            float top = fmaxf(local[r][h], __shfl_xor_sync(all_lanes, local[r][h], 1));
            top = fmaxf(top, __shfl_xor_sync(all_lanes, top, 2));
            if (top > state.top[r][h] + lazy_growth) {
                state.scale_row(r, h, ptx::exp2(state.top[r][h] - top));
                state.top[r][h] = top;
            }
        }
}

// Logits to softmax weights relative to the rows' maxima, and their sums.
template <class Config>
LSK_DEVICE void exponentiate(RowState<Config>& state, float (&s)[Config::row_tiles][Config::token_columns][4], float to_log2) {
    LSK_UNROLL for (int r = 0; r < Config::row_tiles; r++)
        LSK_UNROLL for (int h = 0; h < 2; h++) {
            const float base = state.top[r][h] == -INFINITY ? 0.0f : state.top[r][h];  // nothing visible yet: every weight is 0
            LSK_UNROLL for (int c = 0; c < Config::token_columns; c++)
                LSK_UNROLL for (int e = h * 2; e < h * 2 + 2; e++) {
                    s[r][c][e] = ptx::exp2(s[r][c][e] * to_log2 - base);
                    state.sum[r][h] += s[r][c][e];
                }
        }
}

// Products to weights. `bounds` are where the slice's visible tokens end for the rows; they matter only where `ragged`.
template <class Config>
LSK_DEVICE void weigh(RowState<Config>& state, float (&s)[Config::row_tiles][Config::token_columns][4], const ScoreRule& rule, bool ragged,
                      const int (&bounds)[Config::row_tiles][2], int lane) {
    if (!rule.plain)
        LSK_UNROLL for (int r = 0; r < Config::row_tiles; r++) to_logits(s[r], rule, lane);
    if (rule.score == Score::silu)
        LSK_UNROLL for (int r = 0; r < Config::row_tiles; r++) apply_silu(s[r]);
    if (ragged)
        LSK_UNROLL for (int r = 0; r < Config::row_tiles; r++) mask(s[r], bounds[r], rule.score == Score::softmax ? -INFINITY : 0.0f, lane);
    if (rule.score != Score::softmax) {
        LSK_UNROLL for (int r = 0; r < Config::row_tiles; r++) LSK_UNROLL for (int h = 0; h < 2; h++) state.top[r][h] = 0.0f;  // merging is adding
        return;
    }
    raise_tops(state, s, rule.to_log2());
    exponentiate(state, s, rule.to_log2());
}

}  // namespace lsk::forward
