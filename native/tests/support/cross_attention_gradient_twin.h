// The gradients of cross attention as their definition says, in double, row by row.
#pragma once
#include "support/cross_attention_twin.h"

namespace lsk::test {

struct AttentionGradients {
    std::vector<double> queries, keys, values, bias;  // for shared history, keys holds both parts
};

// The gradients that follow from the given output and LSE. `naive`: weights, score gradients and results are rounded to storage, as a plain low-precision
// implementation would.
inline AttentionGradients differentiate(const AttentionInputs& in, const AttentionResult& forward, const std::vector<double>& output_gradient,
                                        const std::vector<double>& lse_gradient, bool naive = false) {
    const AttentionCase& c = in.c;
    const bool shared = c.form == LSK_SHARED;
    AttentionGradients g{std::vector<double>(in.queries.size()), std::vector<double>(in.keys.size()), std::vector<double>(in.values.size()),
                         std::vector<double>(size_t(in.history_offsets.back()))};
    std::vector<double>& value_gradient = shared ? g.keys : g.values;
    const auto narrow = [&](double x) { return naive ? rounded(x, c.dtype) : x; };
    const double scale = double(float(c.scale));
    for (int64_t index = 0; index < in.rows(); index++) {
        const auto r = in.row(index);
        const double lse = forward.log_sum_exp[size_t(index)];
        if (r.visible == 0 || (c.score == LSK_SOFTMAX && std::isinf(lse))) continue;
        const double* const of_output = output_gradient.data() + index * c.width;
        double delta = lse_gradient.empty() ? 0 : -lse_gradient[size_t(index)];
        for (int i = 0; i < c.width; i++) delta += of_output[i] * forward.output[size_t(index * c.width + i)];
        for (int64_t j = 0; j < r.visible; j++) {
            const double x = in.logit(r, j);
            double of_weight = 0;
            for (int i = 0; i < c.width; i++) of_weight += of_output[i] * in.token(in.value_rows(), r, j)[i];
            double weight, of_logit;
            if (c.score == LSK_SOFTMAX) {
                weight = std::exp(x - lse);
                of_logit = weight * (of_weight - delta);
            } else {
                const double sigmoid = 1 / (1 + std::exp(-x)), n = in.divisor(r);
                const bool silu = c.score == LSK_SILU;
                weight = x * (silu ? sigmoid : 1) / n;
                of_logit = of_weight * (silu ? sigmoid * (1 + x * (1 - sigmoid)) : 1) / n;
            }
            if (weight == 0 && of_logit == 0) continue;
            g.bias[size_t(r.history + j)] += of_logit;
            const double bend = c.soft_cap == 0 ? 0 : (x - (in.bias.empty() ? 0 : in.bias[size_t(r.history + j)])) / c.soft_cap;
            const double of_product = narrow(of_logit * (1 - bend * bend) * scale), stored_weight = narrow(weight);
            const size_t token = size_t(in.token(in.keys, r, j) - in.keys.data());
            for (int i = 0; i < c.width; i++) {
                g.queries[size_t(r.query) + i] += of_product * in.keys[token + i];
                g.keys[token + i] += of_product * in.queries[size_t(r.query) + i];
                value_gradient[token + i] += stored_weight * of_output[i];
            }
        }
    }
    if (naive)
        for (auto* tensor : {&g.queries, &g.keys, &g.values}) *tensor = rounded(*tensor, c.dtype);
    return g;
}

}  // namespace lsk::test
