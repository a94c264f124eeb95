#include "access/access_report.h"
#include "support/cross_attention_check.h"

using namespace lsk::test;

namespace {
// Runs one forward pass and returns the bytes that its tiles were loaded from: by the lines of `file`.
uint64_t forward(const AttentionInputs& in, const char* kernel, const char* file = "tile.cuh") {
    const Device device;
    Plan plan;
    const lsk_cross_attention_shape shape = in.shape();
    succeed(lsk::cross_attention_plan(device.context, &shape, {kernel, 0}, &plan.handle));
    const Tensor queries(device, in.c.dtype, in.queries);
    const DeviceHistory history(device, in);
    Tensor output(device, in.c.output_dtype(), size_t(in.rows()) * in.c.width), lse(device, LSK_FLOAT32, size_t(in.rows()));
    lsk_cross_attention_tensors tensors{sizeof tensors, queries.pointer(), nullptr, nullptr, nullptr, nullptr, nullptr, output.pointer(), lse.floats()};
    history.into(tensors);
    const Workspace workspace(device, plan, LSK_FORWARD);
    const AccessReport report;
    succeed(lsk_cross_attention_forward(plan.handle, &tensors, workspace.buffer, device.stream));
    device.synchronize();
    CAPTURE(std::string(kernel));
    CAPTURE(in.c.dtype);
    CAPTURE(in.c.width);
    CAPTURE(in.c.encoding);
    report.check();
    return AccessReport::global_bytes_read(file);
}
}  // namespace

TEST_SUITE("cross_attention") {
    TEST_CASE("streams read a shared history once, without bank conflicts and in whole sectors") {
        for (const lsk_dtype dtype : all_dtypes) {
            for (const int width : {64, 128}) {
                const AttentionCase c{.targets = {4}, .history = {1024}, .dtype = dtype, .form = LSK_SHARED, .heads = 4, .key_value_heads = 1, .width = width};
                const uint64_t history = 1024 * uint64_t(width) * element_bytes(dtype);
                const uint64_t read = forward(AttentionInputs(c), "thin16");
                CHECK(read >= history);
                CHECK(read <= history * 9 / 8);    // and every split its queries
            }
        }
    }

    TEST_CASE("tiles read keys and values once a row tile, without bank conflicts and in whole sectors") {
        for (const lsk_dtype dtype : all_dtypes) {
            const AttentionCase c{.targets = {64}, .history = {512}, .dtype = dtype, .form = LSK_PROJECTED, .heads = 1, .key_value_heads = 1, .width = 64};
            const uint64_t history = 2 * 512 * 64 * uint64_t(element_bytes(dtype));
            const uint64_t read = forward(AttentionInputs(c), "tiled64");
            CHECK(read >= history);
            CHECK(read <= history * 5 / 4);    // and every split its queries
        }
    }

    TEST_CASE("codes and scales are read once a row tile, without bank conflicts and in whole sectors") {
        for (const lsk_dtype dtype : all_dtypes)
            for (const int encoding : {LSK_HISTORY_ENCODING_FLOAT16, LSK_HISTORY_ENCODING_INT8, LSK_HISTORY_ENCODING_INT4}) {
                if (dtype == LSK_FLOAT16 && encoding == LSK_HISTORY_ENCODING_FLOAT16) continue;  // is not decoded
                const int bits = 32 >> encoding;
                const uint64_t scales = encoding == LSK_HISTORY_ENCODING_FLOAT16 ? 0 : 4;
                AttentionCase thin{.targets = {4}, .history = {1024}, .dtype = dtype, .heads = 4, .width = 128};
                thin.encoding = encoding;
                CHECK(forward(AttentionInputs(thin), "thin16", "encoded_history.cuh") == 1024 * (128 * uint64_t(bits) / 8 + scales));
                AttentionCase tiled{.targets = {64}, .history = {512}, .dtype = dtype, .form = LSK_PROJECTED, .width = 64};
                tiled.encoding = encoding;
                CHECK(forward(AttentionInputs(tiled), "tiled64", "encoded_history.cuh") == 2 * 512 * (64 * uint64_t(bits) / 8 + scales));
            }
    }

    TEST_CASE("codes and scales of wide histories are read once a row tile, without bank conflicts and in whole sectors") {
        for (const lsk_dtype dtype : all_dtypes) {
            AttentionCase c{.targets = {16}, .history = {512}, .dtype = dtype, .width = 512};
            c.encoding = LSK_HISTORY_ENCODING_INT8;
            CHECK(forward(AttentionInputs(c), "wide", "encoded_history.cuh") == 512 * (512 + 4));
        }
    }

    TEST_CASE("wide histories are read once a row tile, without bank conflicts and in whole sectors") {
        for (const lsk_dtype dtype : all_dtypes) {
            const AttentionCase c{.targets = {16}, .history = {512}, .dtype = dtype, .form = LSK_SHARED, .heads = 1, .key_value_heads = 1, .width = 512};
            const uint64_t history = 512 * 512 * uint64_t(element_bytes(dtype));
            const uint64_t read = forward(AttentionInputs(c), "wide");
            CHECK(read >= history);
            CHECK(read <= history * 5 / 4);    // and every split its queries
        }
    }
}
