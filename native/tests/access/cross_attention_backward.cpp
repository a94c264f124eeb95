#include "access/access_report.h"
#include "api/cross_attention_plan.h"
#include "support/cross_attention_twin.h"
#include "support/device.h"

using namespace lsk::test;

namespace {
struct Traffic {
    uint64_t loaded;   // by tiles
    uint64_t history;  // bytes of the tensors of keys and values
    std::string explanation;
};

// Runs one backward for all gradients, its row tiles of a size, and checks every line of its kernels.
Traffic backward(const AttentionCase& c, int row_capacity) {
    const AttentionInputs in(c);
    const Device device;
    Plan plan;
    const lsk_cross_attention_shape shape = in.shape();
    succeed(lsk::cross_attention_plan(device.context, &shape, {}, &plan.handle, {.row_capacity = row_capacity}));
    const bool projected = c.form == LSK_PROJECTED;
    const size_t elements = size_t(in.rows()) * c.width;
    const Tensor queries(device, c.dtype, in.queries), keys(device, c.dtype, in.keys), values(device, c.dtype, in.values);
    const Tensor output(device, c.dtype, normal(elements, 21)), lse(device, LSK_FLOAT32, std::vector<double>(size_t(in.rows()), 8.0));
    const Tensor output_gradient(device, c.dtype, normal(elements, 22)), lse_gradient(device, LSK_FLOAT32, normal(size_t(in.rows()), 23));
    Tensor query_gradient(device, c.dtype, in.queries.size()), key_gradient(device, c.dtype, in.keys.size()), value_gradient(device, c.dtype, in.values.size());
    Tensor bias_gradient(device, LSK_FLOAT32, size_t(in.history_offsets.back()));
    const lsk_cross_attention_tensors tensors{sizeof tensors, queries.pointer(), keys.pointer(), projected ? values.pointer() : nullptr, nullptr, nullptr, nullptr, output.pointer(), lse.floats()};
    const lsk_cross_attention_gradients gradients{sizeof gradients, output_gradient.pointer(), lse_gradient.floats(), query_gradient.pointer(), key_gradient.pointer(),
                                                  projected ? value_gradient.pointer() : nullptr, bias_gradient.floats()};
    const Workspace workspace(device, plan, LSK_BACKWARD);
    const AccessReport report;
    succeed(lsk_cross_attention_backward(plan.handle, &tensors, &gradients, workspace.buffer, device.stream));
    device.synchronize();
    CAPTURE(c.dtype);
    CAPTURE(c.width);
    CAPTURE(in.rows());
    CAPTURE(plan.explain());
    report.check();
    const uint64_t history = (projected ? 2 : 1) * in.keys.size() * element_bytes(c.dtype);
    CHECK(AccessReport::global_bytes_written("backward_scores.cuh") >= history);  // every gradient leaves through store_tile
    return {AccessReport::global_bytes_read("tile.cuh"), history, plan.explain()};
}

AttentionCase case_of(lsk_dtype dtype, int form, int rows, int width) {
    return {.targets = {rows}, .history = {1024}, .dtype = dtype, .form = form, .heads = 1, .key_value_heads = 1, .width = width};
}

// Bytes of queries and output gradients of a row tile.
uint64_t rows_bytes(lsk_dtype dtype, int rows, int width) { return 2 * uint64_t(rows) * width * element_bytes(dtype); }

// All rows in one pass: the history once, and for each of its at most 16 spans the rows.
void check_one_pass(lsk_dtype dtype, int form, int rows, int width) {
    const Traffic traffic = backward(case_of(dtype, form, rows, width), rows);
    CHECK(traffic.explanation.find("second pass") == std::string::npos);
    CHECK(traffic.loaded >= traffic.history);
    CHECK(traffic.loaded <= traffic.history + 16 * rows_bytes(dtype, rows, width));
}
}  // namespace

TEST_SUITE("cross_attention_backward") {
    TEST_CASE("rows at rest read a history once, without bank conflicts and in whole sectors") {
        for (const lsk_dtype dtype : all_dtypes)
            for (const int form : {LSK_SHARED, LSK_PROJECTED})
                for (const int width : {64, 128}) check_one_pass(dtype, form, dtype == LSK_FLOAT32 ? 32 : 64, width);
    }

    TEST_CASE("so they do with twice the rows and warps") {
        for (const lsk_dtype dtype : {LSK_FLOAT32, LSK_BFLOAT16}) {
            check_one_pass(dtype, LSK_PROJECTED, dtype == LSK_FLOAT32 ? 64 : 128, 64);
            check_one_pass(dtype, LSK_SHARED, dtype == LSK_FLOAT32 ? 64 : 128, 128);
        }
        check_one_pass(LSK_BFLOAT16, LSK_SHARED, 128, 256);
    }

    TEST_CASE("with a second pass a history is read once a row tile and once more, and its gradients are written once") {
        for (const lsk_dtype dtype : {LSK_FLOAT32, LSK_BFLOAT16})
            for (const int form : {LSK_SHARED, LSK_PROJECTED}) {
                const int rows = 256, tile = dtype == LSK_FLOAT32 ? 32 : 64, width = 64, token_tiles = 1024 / 128;
                const Traffic traffic = backward(case_of(dtype, form, rows, width), tile);
                const uint64_t row_pass = uint64_t(rows / tile) * traffic.history + 16 * rows_bytes(dtype, rows, width);
                // Of projected histories, the blocks of the keys read both tensors, those of the values the keys only.
                const uint64_t token_pass = form == LSK_SHARED ? traffic.history : traffic.history * 3 / 2;
                const uint64_t token_rows = uint64_t(form == LSK_SHARED ? 1 : 2) * token_tiles * rows_bytes(dtype, rows, width);
                CHECK(traffic.explanation.find("second pass") != std::string::npos);
                CHECK(traffic.loaded >= uint64_t(rows / tile) * traffic.history + token_pass + token_rows);
                CHECK(traffic.loaded <= row_pass + token_pass + token_rows);
            }
    }
}
