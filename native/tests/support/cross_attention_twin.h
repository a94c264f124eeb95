// Cross attention as its definition says, in double, row by row; cases and their inputs.
#pragma once
#include <algorithm>
#include <limits>
#include <string>
#include "support/elements.h"
#include "support/samples.h"
#include "support/summary_codec_twin.h"

namespace lsk::test {

struct AttentionCase {
    std::vector<int64_t> targets, history;  // of each segment
    lsk_dtype dtype = LSK_BFLOAT16;
    int form = LSK_SHARED;
    int heads = 1, key_value_heads = 1, queries_per_target = 1, width = 64;
    int score = LSK_SOFTMAX;
    double scale = 0.3, soft_cap = 0, score_divisor = 0;
    bool bias = false, limits = false, broadcast = false, state = false;  // state: fp32 output
    double logit_spread = 1;                                              // factor of the queries
    int encoding = LSK_HISTORY_ENCODING_NONE;

    int64_t segments() const { return int64_t(targets.size()); }
    lsk_dtype output_dtype() const { return state ? LSK_FLOAT32 : dtype; }
};

struct AttentionInputs {
    AttentionCase c;
    std::vector<int64_t> target_offsets, history_offsets, limits;
    std::vector<double> queries, keys, values, bias;  // encoded keys and values: decoded
    Encoded key_codes, value_codes;

    // Histories that nobody looks at are NaN, and so are the queries of targets without a history.
    explicit AttentionInputs(const AttentionCase& from) : c(from), target_offsets(offsets_of(from.targets)), history_offsets(offsets_of(from.history)) {
        const int64_t all = target_offsets.back(), tokens = history_offsets.back();
        const int64_t query_targets = c.broadcast ? (c.targets.empty() ? 0 : c.targets[0]) : all;
        const size_t target_width = size_t(c.queries_per_target) * c.heads * c.width, token_width = size_t(c.key_value_heads) * c.width;
        queries = rounded(normal(size_t(query_targets) * target_width, 11, c.logit_spread), c.dtype);
        keys = rounded(normal(size_t(tokens) * token_width, 12), c.dtype);
        values = c.form == LSK_SHARED ? std::vector<double>{} : rounded(normal(size_t(tokens) * token_width, 13), c.dtype);
        if (c.bias) {
            bias = rounded(normal(size_t(tokens), 14), LSK_FLOAT32);
            for (size_t i = 3; i < bias.size(); i += 7) bias[i] = c.score == LSK_SOFTMAX ? -std::numeric_limits<double>::infinity() : 0;
        }
        if (c.limits)
            for (int64_t segment = 0; segment < c.segments(); segment++)
                for (int64_t i = 0; i < c.targets[size_t(segment)]; i++) limits.push_back(i == 1 ? c.history[size_t(segment)] + 5 : i * 7919 % (c.history[size_t(segment)] + 1));
        for (int64_t segment = 0; segment < c.segments(); segment++) {
            if (c.targets[size_t(segment)] == 0) {
                poison(keys, history_offsets[size_t(segment)], history_offsets[size_t(segment) + 1], token_width);
                if (!values.empty()) poison(values, history_offsets[size_t(segment)], history_offsets[size_t(segment) + 1], token_width);
                if (!bias.empty()) poison(bias, history_offsets[size_t(segment)], history_offsets[size_t(segment) + 1], 1);
            }
            if (c.history[size_t(segment)] == 0 && !c.broadcast) poison(queries, target_offsets[size_t(segment)], target_offsets[size_t(segment) + 1], target_width);
        }
        if (c.encoding != LSK_HISTORY_ENCODING_NONE) {
            key_codes = encoded(keys);
            if (c.form != LSK_SHARED) value_codes = encoded(values);
        }
    }

    // With what a kernel computes on: a decoded history in the type of the queries.
    AttentionInputs stored() const {
        AttentionInputs in = *this;
        in.keys = rounded(keys, c.dtype);
        in.values = rounded(values, c.dtype);
        return in;
    }

    const std::vector<double>& value_rows() const { return c.form == LSK_SHARED ? keys : values; }
    int64_t rows() const { return target_offsets.back() * c.queries_per_target * c.heads; }

    lsk_cross_attention_shape shape() const {
        return {sizeof(lsk_cross_attention_shape), c.dtype, c.output_dtype(), c.form, c.heads, c.width, c.key_value_heads, c.queries_per_target, c.broadcast, c.score,
                float(c.scale), float(c.soft_cap), float(c.score_divisor), c.encoding, c.segments(), target_offsets.data(), history_offsets.data(), limits.empty() ? nullptr : limits.data()};
    }

    // One row (target, query, head) of the output.
    struct Row {
        int64_t query, history, visible;  // first element of the query; first history row; tokens
        int key_value_head;
    };
    Row row(int64_t index) const {
        const int64_t per_target = int64_t(c.queries_per_target) * c.heads, target = index / per_target;
        size_t segment = 0;
        while (target >= target_offsets[segment + 1]) segment++;
        const int64_t query_target = c.broadcast ? target - target_offsets[segment] : target, length = history_offsets[segment + 1] - history_offsets[segment];
        const int head = int(index % c.heads);
        return {(query_target * per_target + index % per_target) * c.width, history_offsets[segment], limits.empty() ? length : std::min(length, limits[size_t(target)]),
                head * c.key_value_heads / c.heads};
    }
    const double* token(const std::vector<double>& of, const Row& r, int64_t j) const { return of.data() + ((r.history + j) * c.key_value_heads + r.key_value_head) * c.width; }

    double logit(const Row& r, int64_t j) const {
        double dot = 0;
        for (int i = 0; i < c.width; i++) dot += queries[size_t(r.query) + i] * token(keys, r, j)[i];
        const double scaled = double(float(c.scale)) * dot;
        return (c.soft_cap == 0 ? scaled : c.soft_cap * std::tanh(scaled / c.soft_cap)) + (bias.empty() ? 0 : bias[size_t(r.history + j)]);
    }
    double divisor(const Row& r) const { return c.score_divisor != 0 ? c.score_divisor : c.score == LSK_SILU ? double(r.visible) : 1.0; }

private:
    // Codes of rows that nobody looks at decode to NaN; the rows become what theirs decode to. The half byte that an odd row leaves over is not zero.
    Encoded encoded(std::vector<double>& rows) const {
        const auto encoding = static_cast<lsk_encoding>(c.encoding - 1);
        const int64_t count = history_offsets.back() * c.key_value_heads;
        Encoded e = encode(encoding, count, c.width, rows);
        const size_t bytes = row_bytes(encoding, c.width);
        for (int64_t row = 0; row < count; row++) {
            if (std::isnan(rows[size_t(row) * c.width])) {
                std::fill_n(e.codes.begin() + row * int64_t(bytes), bytes, std::byte{0xff});
                e.scales[size_t(row)] = std::nanf("");
            } else if (encoding == LSK_ENCODING_INT4 && c.width % 2 == 1) {
                e.codes[size_t(row + 1) * bytes - 1] |= std::byte{0x70};
            }
        }
        rows = decode(encoding, count, c.width, e);
        return e;
    }

    static void poison(std::vector<double>& rows, int64_t first, int64_t end, size_t width) {
        std::fill(rows.begin() + first * int64_t(width), rows.begin() + end * int64_t(width), std::nan(""));
    }
};

struct AttentionResult {
    std::vector<double> output, log_sum_exp;
};

// `naive`: logits, unnormalised weights and output are rounded to storage, as a plain low-precision implementation would.
inline AttentionResult attend(const AttentionInputs& in, bool naive = false) {
    const AttentionCase& c = in.c;
    AttentionResult result{std::vector<double>(size_t(in.rows()) * c.width), std::vector<double>(size_t(in.rows()), -std::numeric_limits<double>::infinity())};
    const auto narrow = [&](double x) { return naive ? rounded(x, c.dtype) : x; };
    for (int64_t index = 0; index < in.rows(); index++) {
        const auto r = in.row(index);
        std::vector<double> weights(static_cast<size_t>(r.visible));
        double top = -std::numeric_limits<double>::infinity(), sum = 0;
        for (int64_t j = 0; j < r.visible; j++) top = std::max(top, weights[size_t(j)] = narrow(in.logit(r, j)));
        double* const out = result.output.data() + index * c.width;
        if (r.visible == 0 || (c.score == LSK_SOFTMAX && std::isinf(top))) continue;
        for (double& w : weights) {
            w = c.score == LSK_SOFTMAX ? std::exp(w - top) : c.score == LSK_SILU ? w / (1 + std::exp(-w)) : w;
            sum += w;
        }
        if (c.score == LSK_SOFTMAX)
            result.log_sum_exp[size_t(index)] = top + std::log(sum);
        else
            sum = in.divisor(r);
        for (int64_t j = 0; j < r.visible; j++)
            if (const double w = narrow(weights[size_t(j)]) / sum; w != 0)
                for (int i = 0; i < c.width; i++) out[i] += w * in.token(in.value_rows(), r, j)[i];
        if (naive)
            for (int i = 0; i < c.width; i++) out[i] = rounded(out[i], c.output_dtype());
    }
    return result;
}

}  // namespace lsk::test
