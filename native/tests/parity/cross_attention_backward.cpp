#include <optional>
#include "api/cross_attention_plan.h"
#include "support/compare.h"
#include "support/cross_attention_gradient_twin.h"
#include "support/device.h"

using namespace lsk::test;

namespace {
// Which gradients a run asks for.
struct Wanted {
    bool queries = true, keys = true, values = true, bias = true;
};

struct Gradients {
    std::optional<Tensor> queries, keys, values, bias;

    Gradients(const Device& device, const AttentionInputs& in, const Wanted& wanted) {
        if (wanted.queries) queries.emplace(device, in.c.dtype, in.queries.size());
        if (wanted.keys) keys.emplace(device, in.c.dtype, in.keys.size());
        if (wanted.values && in.c.form == LSK_PROJECTED) values.emplace(device, in.c.dtype, in.values.size());
        if (wanted.bias) bias.emplace(device, LSK_FLOAT32, size_t(in.history_offsets.back()));
    }
    static void* pointer(const std::optional<Tensor>& tensor) { return tensor ? tensor->pointer() : nullptr; }
};

void check_one(const char* what, std::optional<Tensor>& tensor, const std::vector<double>& reference, const std::vector<double>& naive, lsk_dtype dtype) {
    if (!tensor || reference.empty()) return;
    double largest = 1e-30;
    for (const double value : reference) largest = std::max(largest, std::abs(value));
    const std::vector<double> actual = tensor->values();
    check_against_naive(what, actual, reference, naive, 2e-5 * largest);
    if (dtype == LSK_FLOAT32) CHECK_MESSAGE(relative_l2(actual, reference) <= 1e-5, what << ": relative L2 error " << relative_l2(actual, reference));
}

// Runs a case twice in the same workspace and compares with the twin; returns the explanation.
std::string check(const AttentionCase& c, const Wanted& wanted = {}, const lsk::BackwardPin& pin = {}) {
    INFO("dtype " << c.dtype << ", form " << c.form << ", width " << c.width << ", heads " << c.heads << " / " << c.key_value_heads << ", score " << c.score);
    const AttentionInputs in(c);
    const Device device;
    Plan plan;
    const lsk_cross_attention_shape shape = in.shape();
    succeed(lsk::cross_attention_plan(device.context, &shape, {}, &plan.handle, pin));
    CAPTURE(plan.explain());
    const bool softmax = c.score == LSK_SOFTMAX;
    AttentionResult forward = attend(in);
    forward.output = rounded(forward.output, c.output_dtype());
    forward.log_sum_exp = rounded(forward.log_sum_exp, LSK_FLOAT32);
    const std::vector<double> of_output = rounded(normal(size_t(in.rows()) * c.width, 21), c.dtype);
    const std::vector<double> of_lse = softmax ? rounded(normal(size_t(in.rows()), 22), LSK_FLOAT32) : std::vector<double>{};
    const Tensor queries(device, c.dtype, in.queries), keys(device, c.dtype, in.keys), values(device, c.dtype, in.values), bias(device, LSK_FLOAT32, in.bias);
    const Tensor output(device, c.output_dtype(), forward.output), lse(device, LSK_FLOAT32, forward.log_sum_exp);
    const Tensor output_gradient(device, c.dtype, of_output), lse_gradient(device, LSK_FLOAT32, of_lse);
    const lsk_cross_attention_tensors tensors{sizeof tensors, queries.pointer(), keys.pointer(), c.form == LSK_SHARED ? nullptr : values.pointer(),
                                              nullptr, nullptr, c.bias ? bias.floats() : nullptr, output.pointer(), softmax ? lse.floats() : nullptr};
    const Workspace workspace(device, plan, LSK_BACKWARD);
    const auto run = [&](Gradients& to) {
        const lsk_cross_attention_gradients gradients{sizeof gradients, output_gradient.pointer(), softmax ? lse_gradient.floats() : nullptr, Gradients::pointer(to.queries),
                                                      Gradients::pointer(to.keys), Gradients::pointer(to.values), static_cast<float*>(Gradients::pointer(to.bias))};
        succeed(lsk_cross_attention_backward(plan.handle, &tensors, &gradients, workspace.buffer, device.stream));
    };
    Gradients actual(device, in, wanted), again(device, in, wanted);
    run(actual), run(again);
    for (const auto member : {&Gradients::queries, &Gradients::keys, &Gradients::values, &Gradients::bias})
        if (actual.*member) CHECK((actual.*member)->raw() == (again.*member)->raw());

    const AttentionGradients reference = differentiate(in, forward, of_output, of_lse), naive = differentiate(in, forward, of_output, of_lse, true);
    check_one("queries", actual.queries, reference.queries, naive.queries, c.dtype);
    check_one("keys", actual.keys, reference.keys, naive.keys, c.dtype);
    check_one("values", actual.values, reference.values, naive.values, c.dtype);
    check_one("bias", actual.bias, reference.bias, naive.bias, c.dtype);
    return plan.explain();
}
}  // namespace

TEST_SUITE("cross_attention_backward") {
    TEST_CASE("every storage type and form over ragged lengths") {
        for (const lsk_dtype dtype : all_dtypes)
            for (const int form : {LSK_SHARED, LSK_PROJECTED}) {
                AttentionCase c{.targets = {3, 0, 1, 5, 2, 2}, .history = {65, 20, 0, 1, 63, 130}, .dtype = dtype, .form = form};
                c.heads = form == LSK_SHARED ? 3 : 4;
                c.key_value_heads = form == LSK_SHARED ? 1 : 2;
                c.width = 32;
                check(c);
            }
    }

    TEST_CASE("every path in small") {
        const auto check_path = [](int form, int width, int targets, int row_capacity) {
            AttentionCase c{.targets = {targets, 0, 1}, .history = {330, 70, 3}, .form = form};
            c.heads = 2, c.key_value_heads = form == LSK_SHARED ? 1 : 2, c.width = width;
            c.scale = 1 / std::sqrt(double(width));
            c.bias = true, c.limits = true;
            check(c, {}, {.blocks = 2, .row_capacity = row_capacity, .span_tiles = 2});
        };
        check_path(LSK_SHARED, 64, 15, 32);
        check_path(LSK_PROJECTED, 64, 50, 64);
        check_path(LSK_SHARED, 128, 40, 96);
        check_path(LSK_SHARED, 256, 50, 128);
        check_path(LSK_SHARED, 64, 70, 64);
        check_path(LSK_PROJECTED, 128, 70, 32);
    }

    TEST_CASE("numbers of rows around every tile") {
        for (const int rows : {1, 3, 9, 31, 33, 63, 64, 65, 97, 126, 128, 129, 200})
            for (const int form : {LSK_SHARED, LSK_PROJECTED}) {
                AttentionCase c{.targets = {rows, 2, 0}, .history = {rows % 2 ? 66 : 129, 65, 66}, .form = form};
                c.width = 16;
                check(c);
            }
        for (const lsk_dtype dtype : {LSK_FLOAT32, LSK_FLOAT16})
            for (const int rows : {33, 65, 129}) check({.targets = {rows, 1}, .history = {70, 3}, .dtype = dtype, .form = LSK_PROJECTED});
    }

    TEST_CASE("every size of a row tile, in one pass and with a second one") {
        for (const lsk_dtype dtype : all_dtypes)
            for (const int width : {64, 128, 256})
                for (const int capacity : {32, 64, 96, 128}) {
                    if (dtype == LSK_FLOAT32 && (width == 256 || capacity > 64)) continue;
                    if (dtype == LSK_FLOAT16 && capacity != 128) continue;
                    for (const int rows : {capacity - 3, capacity + 1}) {
                        AttentionCase c{.targets = {rows, 0, 2}, .history = {131, 5, 64}, .dtype = dtype, .form = LSK_SHARED};
                        c.width = width;
                        c.scale = 1 / std::sqrt(double(width));
                        const std::string explanation = check(c, {}, {.row_capacity = capacity});
                        CHECK((explanation.find("second pass") == std::string::npos) == (rows < capacity));
                    }
                }
    }

    TEST_CASE("widths that are not those of tiles") {
        for (const int width : {8, 64, 72, 128, 136, 256, 1, 33, 255})
            for (const int rows : {5, 65}) {
                if (rows == 65 && width % 8 != 0) continue;
                AttentionCase c{.targets = {rows, 1}, .history = {67, 9}, .form = rows == 5 ? LSK_PROJECTED : LSK_SHARED};
                c.width = width;
                c.scale = 1 / std::sqrt(double(width));
                check(c);
                if (rows == 65) check(c, {}, {.row_capacity = 64});
            }
        for (const int width : {7, 128}) {
            AttentionCase c{.targets = {33, 1}, .history = {67, 9}, .dtype = LSK_FLOAT32, .form = LSK_PROJECTED};
            c.width = width;
            c.scale = 1 / std::sqrt(double(width));
            check(c);
            check(c, {}, {.row_capacity = 32});
        }
    }

    TEST_CASE("rows wider than a tile go in slices of columns") {
        const auto check_wide = [](lsk_dtype dtype, int form, int width, int rows) {
            AttentionCase c{.targets = {rows, 1}, .history = {67, 9}, .dtype = dtype, .form = form};
            c.width = width;
            c.scale = 1 / std::sqrt(double(width));
            c.bias = true;
            check(c, {}, {.blocks = 3});
        };
        check_wide(LSK_BFLOAT16, LSK_SHARED, 300, 5);
        check_wide(LSK_BFLOAT16, LSK_SHARED, 512, 65);
        check_wide(LSK_FLOAT16, LSK_SHARED, 257, 34);
        check_wide(LSK_FLOAT32, LSK_PROJECTED, 160, 33);
        check_wide(LSK_FLOAT32, LSK_SHARED, 264, 3);
    }

    TEST_CASE("scores, soft caps, biases, limits, queries per target, in both passes") {
        for (const int score : {LSK_SOFTMAX, LSK_SILU, LSK_IDENTITY})
            for (const int targets : {4, 17})
                for (const lsk_dtype dtype : {LSK_BFLOAT16, LSK_FLOAT32}) {
                    if (dtype == LSK_FLOAT32 && targets > 4) continue;
                    AttentionCase c{.targets = {targets, 3, 2}, .history = {67, 0, 9}, .dtype = dtype, .form = LSK_PROJECTED};
                    c.heads = 4, c.key_value_heads = 2, c.queries_per_target = 2, c.width = 24;
                    c.score = score, c.soft_cap = 2, c.bias = true, c.limits = true;
                    c.score_divisor = score == LSK_IDENTITY ? 20 : 0;
                    const lsk::BackwardPin two_passes{.row_capacity = 32};
                    check(c), check(c, {}, two_passes);
                    c.form = LSK_SHARED, c.key_value_heads = 1, c.soft_cap = 0, c.bias = false;
                    check(c), check(c, {}, two_passes);
                }
    }

    TEST_CASE("query gradients of split histories") {
        for (const lsk_dtype dtype : all_dtypes) {
            AttentionCase c{.targets = {dtype == LSK_BFLOAT16 ? 70 : 3, 2}, .history = {1100, 70}, .dtype = dtype};
            c.width = 33;
            for (const int capacity : {0, 64}) {
                const std::string explanation = check(c, {}, {.blocks = 5, .row_capacity = capacity});
                const std::string backward = explanation.substr(explanation.find("backward"));
                CHECK_MESSAGE(backward.find(" 0 row tiles are split") == std::string::npos, backward);
            }
        }
    }

    TEST_CASE("gradients of broadcast queries are summed over segments") {
        for (const int targets : {5, 33}) {
            AttentionCase c{.targets = {targets, targets, targets}, .history = {1100, 0, 70}, .form = LSK_PROJECTED, .broadcast = true};
            c.heads = 2, c.key_value_heads = 2, c.width = 40;
            check(c, {}, {.blocks = 4});
        }
    }

    TEST_CASE("gradients that are not wanted are not computed") {
        const AttentionCase few{.targets = {3, 0}, .history = {65, 20}, .form = LSK_PROJECTED}, many{.targets = {70}, .history = {65}, .form = LSK_PROJECTED};
        AttentionCase shared = many;
        shared.form = LSK_SHARED;
        for (const AttentionCase& c : {few, many, shared})
            for (const int capacity : {0, 32})
                for (int chosen = 0; chosen < 16; chosen++)
                    check(c, {.queries = (chosen & 1) != 0, .keys = (chosen & 2) != 0, .values = (chosen & 4) != 0, .bias = (chosen & 8) != 0}, {.row_capacity = capacity});
        AttentionCase wide = shared;
        wide.width = 256;
        check(wide, {.queries = false}, {.row_capacity = 96});
    }

    TEST_CASE("partial states have an fp32 output") {
        AttentionCase c{.targets = {3, 70}, .history = {65, 20}, .state = true};
        check(c);
    }

    TEST_CASE("batches without anything") {
        check({.targets = {}, .history = {}});
        check({.targets = {0, 0}, .history = {0, 3}});
        check({.targets = {2}, .history = {0}});
    }
}
