#include "api/cross_attention_plan.h"
#include "device/row_alignment.h"
#include "kernels/cross_attention/backward.h"
#include "kernels/reduction/reduction.h"

using namespace lsk;

namespace {
// What a run keeps in its workspace, after the tickets.
struct Workspace {
    int64_t partials, deltas, key_bias, bytes;  // byte offsets

    explicit Workspace(const CrossAttentionPlan& plan) {
        const auto whole_lines = [](int64_t floats) { return (floats * 4 + 127) / 128 * 128; };
        partials = workspace_ticket_bytes;
        deltas = partials + whole_lines(plan.backward.partials * plan.backward.partial_stride);
        key_bias = deltas + (plan.backward.token_works.empty() ? 0 : whole_lines(plan.shape.rows()));
        bytes = key_bias + (plan.shape.key_value_heads > 1 ? whole_lines(plan.shape.key_value_heads * plan.shape.tokens()) : 0);
        if (bytes == workspace_ticket_bytes) bytes = 0;  // nothing is split
    }
};

CrossAttentionBackwardParams backward_inputs(const CrossAttentionPlan& plan, const lsk_cross_attention_tensors& t, const lsk_cross_attention_gradients& g) {
    const AttentionShape& shape = plan.shape;
    const int64_t element = dtype_bytes(shape.dtype);
    CrossAttentionBackwardParams params{};
    params.attention = cross_attention_inputs(plan, t);
    check_tensor("output_gradient", g.output_gradient, plan.output_elements(), element);
    check_tensor("log_sum_exp_gradient", g.log_sum_exp_gradient, 0, 4);
    if (shape.score == LSK_SOFTMAX) {
        check_tensor("output", t.output, plan.output_elements(), dtype_bytes(shape.output_dtype));
        check_tensor("log_sum_exp", t.log_sum_exp, shape.rows(), 4);
    } else {
        check_absent("log_sum_exp", t.log_sum_exp, "only softmax has an LSE");
        check_absent("log_sum_exp_gradient", g.log_sum_exp_gradient, "only softmax has an LSE");
    }
    check_tensor("query_gradient", g.query_gradient, 0, element);
    check_tensor("key_gradient", g.key_gradient, 0, element);
    check_tensor("value_gradient", g.value_gradient, 0, element);
    if (plan.shared_history()) check_absent("value_gradient", g.value_gradient, "shared history has one gradient, key_gradient");
    check_tensor("key_bias_gradient", g.key_bias_gradient, 0, 4);

    params.attention.output = t.output;
    params.attention.log_sum_exp = t.log_sum_exp;
    params.output_gradient = g.output_gradient;
    params.log_sum_exp_gradient = g.log_sum_exp_gradient;
    params.query_gradient = g.query_gradient;
    params.key_gradient = g.key_gradient;
    params.value_gradient = g.value_gradient;
    params.key_bias_gradient = g.key_bias_gradient;
    params.history_rows = shape.tokens();
    params.delta_lanes = lanes_per_row(shape.head_width * element);
    params.broadcast = shape.broadcast_queries;
    params.attention.aligned_inputs = row_alignment(shape.head_width * element, {t.queries, t.keys, t.values, t.output, g.output_gradient, g.query_gradient, g.key_gradient,
                                                                                 g.value_gradient}) == RowAlignment::chunks;
    return params;
}
}  // namespace

void lsk::plan_cross_attention_backward(CrossAttentionPlan& plan, const Chip& chip, const BackwardPin& pin) {
    plan.backward_unsupported = plan.shape.history_encoding != LSK_HISTORY_ENCODING_NONE
                                    ? "history_encoding has no backward: summaries are quantised after training."
                                    : unsupported_backward(chip, plan.shape);
    if (!plan.backward_unsupported.empty()) {
        plan.explanation += "\nbackward: none. " + plan.backward_unsupported;
        return;
    }
    plan.backward = plan_backward(chip, plan.shape, pin);
    if (int64_t(plan.backward.tickets) * backward::slices(plan.shape.head_width, plan.shape.element_bytes()) > workspace_tickets) throw Failure(LSK_UNSUPPORTED, "The plan's backward needs more tickets than a workspace has.");
    plan.backward_row_works = DeviceArray<BackwardWork>(plan.context, plan.backward.row_works);
    plan.backward_row_block_works = DeviceArray<int32_t>(plan.context, plan.backward.row_block_works);
    plan.backward_token_works = DeviceArray<BackwardWork>(plan.context, plan.backward.token_works);
    plan.backward_workspace = Workspace(plan).bytes;
    plan.explanation += "\n" + plan.backward.explanation;
}

extern "C" lsk_status lsk_cross_attention_backward(lsk_plan* plan, const lsk_cross_attention_tensors* tensors, const lsk_cross_attention_gradients* gradients,
                                                   lsk_buffer* workspace, lsk_stream* stream) {
    return guarded([&] {
        const Run<CrossAttentionPlan> run(plan, LSK_BACKWARD, workspace, stream);
        const CrossAttentionPlan& own = run.plan();
        if (!own.backward_unsupported.empty()) throw Failure(LSK_UNSUPPORTED, own.backward_unsupported);
        const auto& g = checked("gradients", gradients);
        CrossAttentionBackwardParams params = backward_inputs(own, checked("tensors", tensors), g);
        const AttentionShape& shape = own.shape;
        const Workspace places(own);
        const auto floats_at = [&](int64_t offset) { return reinterpret_cast<float*>(run.workspace() + offset); };
        if (run.workspace()) {
            params.tickets = reinterpret_cast<uint32_t*>(run.workspace());
            params.partials = floats_at(places.partials);
            params.partial_stride = own.backward.partial_stride;
        }
        if (!own.backward.token_works.empty()) params.deltas = floats_at(places.deltas);
        if (params.key_bias_gradient && shape.key_value_heads > 1) params.key_bias_gradient = floats_at(places.key_bias);

        params.works = own.backward_row_works.data();
        params.attention.block_works = own.backward_row_block_works.data();
        params.attention.blocks = own.backward.row_blocks();
        run.check(launch_cross_attention_backward_rows(own.backward.rows, params, run.stream()));

        params.works = own.backward_token_works.data();
        params.attention.blocks = static_cast<int32_t>(own.backward.token_works.size());
        if (params.key_gradient || params.value_gradient || params.key_bias_gradient)
            run.check(launch_cross_attention_backward_tokens(own.backward.tokens, params, run.stream()));

        if (g.query_gradient && shape.broadcast_queries)
            run.check(launch_partial_sums({params.partials, g.query_gradient, own.query_elements(), params.partial_stride, static_cast<int>(own.backward.partials), shape.dtype, 0, nullptr, 0},
                                          run.stream()));
        if (g.key_bias_gradient && shape.key_value_heads > 1)
            run.check(launch_partial_sums({params.key_bias_gradient, g.key_bias_gradient, shape.tokens(), shape.tokens(), shape.key_value_heads, LSK_FLOAT32, 0, nullptr, 0},
                                          run.stream()));
    });
}
