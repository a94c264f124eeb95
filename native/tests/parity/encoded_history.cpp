#include "support/cross_attention_check.h"

using namespace lsk::test;

namespace {
const char* const kernels[] = {"thin16", "thin32", "tiled64", "tiled128"};
constexpr int encodings[] = {LSK_HISTORY_ENCODING_FLOAT16, LSK_HISTORY_ENCODING_INT8, LSK_HISTORY_ENCODING_INT4};
}  // namespace

TEST_SUITE("encoded_history") {
    TEST_CASE("every kernel, storage type, form and encoding over ragged lengths") {
        for (const char* kernel : kernels)
            for (const lsk_dtype dtype : all_dtypes)
                for (const int form : {LSK_SHARED, LSK_PROJECTED})
                    for (const int encoding : encodings) {
                        CAPTURE(kernel);
                        AttentionCase c{.targets = {3, 0, 1, 5, 2, 2}, .history = {65, 20, 0, 1, 15, 17}, .dtype = dtype, .form = form};
                        c.heads = form == LSK_SHARED ? 3 : 4;
                        c.key_value_heads = form == LSK_SHARED ? 1 : 2;
                        c.width = 32;
                        c.encoding = encoding;
                        check(c, {kernel, 0});
                    }
    }

    TEST_CASE("lengths around every slice and ring, and their splits") {
        for (const char* kernel : kernels)
            for (const int encoding : encodings)
                for (const int blocks : {0, 3}) {
                    CAPTURE(kernel);
                    CAPTURE(blocks);
                    AttentionCase c{.targets = {}, .history = {0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 257}};
                    c.targets.assign(c.history.size(), 2);
                    c.width = 32;
                    c.encoding = encoding;
                    check(c, {kernel, blocks});
                }
    }

    TEST_CASE("widths up to 256, whole copies or not, odd ones too") {
        for (const char* kernel : {"thin16", "tiled64"})
            for (const int width : {1, 7, 16, 24, 33, 36, 40, 96, 127, 128, 200, 255, 256})
                for (const lsk_dtype dtype : all_dtypes)
                    for (const int encoding : encodings) {
                        CAPTURE(kernel);
                        AttentionCase c{.targets = {2, 5}, .history = {34, 40}, .dtype = dtype, .width = width, .scale = 0.15};
                        c.form = width % 3 == 0 && width < 200 ? LSK_PROJECTED : LSK_SHARED;
                        c.encoding = encoding;
                        check(c, {kernel, 0});
                    }
    }

    TEST_CASE("row counts around every tile") {
        for (const char* kernel : kernels) {
            CAPTURE(kernel);
            check({.targets = {1, 3, 9, 63, 64, 126, 128, 16, 17}, .history = {40, 33, 50, 20, 33, 47, 18, 64, 65}, .width = 32, .encoding = LSK_HISTORY_ENCODING_INT8}, {kernel, 0});
        }
    }

    TEST_CASE("limits, bias, soft cap, scores, several queries, partial states") {
        for (const char* kernel : {"thin16", "tiled64"})
            for (const int score : {LSK_SOFTMAX, LSK_SILU, LSK_IDENTITY})
                for (int options = 0; options < 8; options++) {
                    CAPTURE(kernel);
                    CAPTURE(score);
                    CAPTURE(options);
                    AttentionCase c{.targets = {4, 2, 1}, .history = {75, 0, 20}, .heads = 2, .queries_per_target = 2, .width = 32, .score = score};
                    c.bias = options & 1;
                    c.limits = options & 2;
                    c.soft_cap = options & 4 ? 1.5 : 0;
                    c.state = options % 3 == 1;
                    c.dtype = all_dtypes[options % 3];
                    c.encoding = encodings[(options + score) % 3];
                    check(c, {kernel, options % 2 ? 5 : 0});
                }
    }

    TEST_CASE("grouped and broadcast queries") {
        for (const char* kernel : kernels)
            for (const int encoding : encodings) {
                CAPTURE(kernel);
                for (const int key_value_heads : {1, 2, 6})
                    check({.targets = {5, 1}, .history = {37, 80}, .form = LSK_PROJECTED, .heads = 6, .key_value_heads = key_value_heads, .queries_per_target = 3, .width = 16, .encoding = encoding}, {kernel, 0});
                check({.targets = {9, 9}, .history = {100, 60}, .form = LSK_PROJECTED, .heads = 4, .key_value_heads = 1, .width = 24, .limits = true, .broadcast = true, .encoding = encoding}, {kernel, 6});
            }
    }

    TEST_CASE("many summaries of one user go round every ring, are split and merged") {
        for (const char* kernel : kernels)
            for (const lsk_dtype dtype : all_dtypes)
                for (const int blocks : {2, 9}) {
                    const std::string plan = check({.targets = {2, 1, 5}, .history = {1100, 0, 1500}, .dtype = dtype, .heads = 2, .width = 32, .encoding = LSK_HISTORY_ENCODING_INT8}, {kernel, blocks});
                    if (blocks == 9) CHECK(plan.find(" 0 row tiles are split") == std::string::npos);
                }
    }

    TEST_CASE("shared histories of more than 256 columns") {
        for (const lsk_dtype dtype : all_dtypes)
            for (const int encoding : encodings) {
                for (const int width : {257, 512, 644, 1023, 1024}) check({.targets = {3, 1, 18}, .history = {33, 0, 16}, .dtype = dtype, .width = width, .scale = 0.05, .encoding = encoding});
                check({.targets = {2, 1}, .history = {600, 40}, .dtype = dtype, .heads = 3, .width = 320, .scale = 0.05, .soft_cap = 2, .bias = true, .limits = true, .encoding = encoding}, {"wide", 6});
                check({.targets = {2}, .history = {50}, .dtype = dtype, .width = 300, .score = LSK_SILU, .scale = 0.05, .state = true, .encoding = encoding});
            }
    }

    TEST_CASE("a plan says what is decoded, and that there is no backward") {
        const std::string plan = check({.targets = {9}, .history = {70}, .form = LSK_PROJECTED, .heads = 2, .key_value_heads = 2, .width = 64, .encoding = LSK_HISTORY_ENCODING_INT8});
        CHECK(plan.find("the history's int8 codes are decoded as they are read: 68 bytes a head of a token, instead of 128") != std::string::npos);
        CHECK(plan.find("backward: none. history_encoding") != std::string::npos);
        const std::string same = check({.targets = {9}, .history = {70}, .dtype = LSK_FLOAT16, .encoding = LSK_HISTORY_ENCODING_FLOAT16});
        CHECK(same.find("nothing is decoded") != std::string::npos);
    }

    TEST_CASE("batches without targets, segments or tokens") {
        check({.targets = {}, .history = {}, .encoding = LSK_HISTORY_ENCODING_INT8});
        check({.targets = {0, 0}, .history = {5, 0}, .encoding = LSK_HISTORY_ENCODING_INT4});
        check({.targets = {3, 70}, .history = {0, 0}, .heads = 2, .encoding = LSK_HISTORY_ENCODING_INT8});
    }
}
