#include "support/cross_attention_check.h"

using namespace lsk::test;

namespace {
const char* const kernels[] = {"thin16", "thin32", "tiled64", "tiled128"};
}  // namespace

TEST_SUITE("cross_attention") {
    TEST_CASE("every kernel, storage type and form over ragged lengths") {
        for (const char* kernel : kernels)
            for (const lsk_dtype dtype : all_dtypes)
                for (const int form : {LSK_SHARED, LSK_PROJECTED}) {
                    CAPTURE(kernel);
                    AttentionCase c{.targets = {3, 0, 1, 5, 2, 2}, .history = {65, 20, 0, 1, 15, 17}, .dtype = dtype, .form = form};
                    c.heads = form == LSK_SHARED ? 3 : 4;
                    c.key_value_heads = form == LSK_SHARED ? 1 : 2;
                    c.width = 32;
                    check(c, {kernel, 0});
                }
    }

    TEST_CASE("lengths around every slice and ring") {
        for (const char* kernel : kernels) {
            CAPTURE(kernel);
            AttentionCase c{.targets = {}, .history = {0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 257}};
            c.targets.assign(c.history.size(), 2);
            c.width = 32;
            check(c, {kernel, 0});
            c.dtype = LSK_FLOAT32;
            check(c, {kernel, 3});
        }
    }

    TEST_CASE("row counts around every tile") {
        for (const char* kernel : kernels) {
            CAPTURE(kernel);
            check({.targets = {1, 3, 9, 63, 64, 126, 128, 16, 17}, .history = {40, 33, 50, 20, 33, 47, 18, 64, 65}, .width = 32}, {kernel, 0});
        }
    }

    TEST_CASE("splits are merged by the last to arrive") {
        for (const char* kernel : kernels)
            for (const lsk_dtype dtype : all_dtypes)
                for (const int blocks : {2, 9}) {
                    CAPTURE(kernel);
                    CAPTURE(blocks);
                    const std::string plan = check({.targets = {2, 1, 5}, .history = {1100, 0, 1500}, .dtype = dtype, .heads = 2, .width = 32}, {kernel, blocks});
                    if (blocks == 9) CHECK(plan.find(" 0 row tiles are split") == std::string::npos);
                }
    }

    TEST_CASE("widths up to 256, whole chunks or not") {
        for (const char* kernel : {"thin32", "tiled128"})
            for (const int width : {1, 7, 40, 96, 128, 200, 256})
                for (const lsk_dtype dtype : all_dtypes) {
                    CAPTURE(kernel);
                    AttentionCase c{.targets = {2, 5}, .history = {34, 40}, .dtype = dtype, .width = width, .scale = 0.15};
                    c.form = width % 3 ? LSK_SHARED : LSK_PROJECTED;
                    check(c, {kernel, 0});
                }
    }

    TEST_CASE("limits, bias, soft cap and scores") {
        for (const char* kernel : {"thin16", "tiled64"})
            for (const lsk_dtype dtype : all_dtypes)
                for (const int score : {LSK_SOFTMAX, LSK_SILU, LSK_IDENTITY})
                    for (int options = 0; options < 8; options++) {
                        CAPTURE(kernel);
                        CAPTURE(score);
                        CAPTURE(options);
                        AttentionCase c{.targets = {4, 2, 1}, .history = {75, 0, 20}, .dtype = dtype, .heads = 2, .queries_per_target = 2, .width = 32, .score = score};
                        c.bias = options & 1;
                        c.limits = options & 2;
                        c.soft_cap = options & 4 ? 1.5 : 0;
                        if (score != LSK_SOFTMAX && options % 3 == 0) c.score_divisor = 13;
                        check(c, {kernel, options % 2 ? 5 : 0});
                    }
    }

    TEST_CASE("negative and zero scales") {
        for (const double scale : {-0.4, 0.0}) check({.targets = {3}, .history = {90}, .width = 32, .scale = scale}, {"thin16", 3});
    }

    TEST_CASE("logits that grow by hundreds along the history") {
        for (const char* kernel : kernels) check({.targets = {4}, .history = {600}, .dtype = LSK_FLOAT32, .width = 32, .scale = 3, .logit_spread = 4}, {kernel, 2});
    }

    TEST_CASE("broadcast queries are those of every segment") {
        for (const char* kernel : kernels) {
            check({.targets = {20, 20, 20}, .history = {100, 0, 33}, .heads = 2, .broadcast = true}, {kernel, 0});
            check({.targets = {9, 9}, .history = {100, 60}, .form = LSK_PROJECTED, .heads = 4, .key_value_heads = 1, .queries_per_target = 2, .width = 24, .limits = true, .broadcast = true}, {kernel, 6});
        }
    }

    TEST_CASE("shared histories of more than 256 columns") {
        for (const lsk_dtype dtype : all_dtypes) {
            for (const int width : {257, 512, 640, 1024}) check({.targets = {3, 1, 18}, .history = {33, 0, 16}, .dtype = dtype, .width = width, .scale = 0.05});
            check({.targets = {2, 1}, .history = {600, 40}, .dtype = dtype, .heads = 3, .width = 320, .scale = 0.05, .soft_cap = 2, .bias = true, .limits = true}, {"wide", 6});
            check({.targets = {2}, .history = {50}, .dtype = dtype, .width = 300, .score = LSK_SILU, .scale = 0.05, .state = true});
        }
    }

    TEST_CASE("partial states are fp32") {
        for (const lsk_dtype dtype : all_dtypes)
            for (const int width : {31, 64}) check({.targets = {3, 1}, .history = {50, 0}, .dtype = dtype, .heads = 2, .width = width, .state = true});
    }

    TEST_CASE("grouped queries") {
        for (const char* kernel : kernels)
            for (const int key_value_heads : {1, 2, 6})
                check({.targets = {5, 1}, .history = {37, 80}, .form = LSK_PROJECTED, .heads = 6, .key_value_heads = key_value_heads, .queries_per_target = 3, .width = 16}, {kernel, 0});
    }

    TEST_CASE("a long history stays within 1e-5 in fp32") {
        check({.targets = {3}, .history = {20000}, .dtype = LSK_FLOAT32, .width = 32}, {"thin16", 1});
        check({.targets = {3}, .history = {7000}, .dtype = LSK_FLOAT32, .width = 32}, {"thin16", 40});
    }

    TEST_CASE("batches without targets, segments or tokens") {
        check({.targets = {}, .history = {}});
        check({.targets = {0, 0}, .history = {5, 0}});
        check({.targets = {3, 70}, .history = {0, 0}, .heads = 2});
        check({.targets = {3, 2}, .history = {9, 0}, .score = LSK_SILU});
    }
}
