#include "api/cross_attention_plan.h"

#include <stdexcept>

using namespace lsk;

namespace {
AttentionShape checked_shape(const lsk_cross_attention_shape& s) {
    check_choice("dtype", s.dtype, LSK_FLOAT16 + 1);
    check_choice("output_dtype", s.output_dtype, LSK_FLOAT16 + 1);
    if (s.output_dtype != s.dtype && s.output_dtype != LSK_FLOAT32)
        fail_argument("output_dtype", dtype_name(s.output_dtype), std::string(dtype_name(s.dtype)) + ", as dtype, or fp32");
    check_choice("form", s.form, LSK_SHARED + 1);
    check_extent("heads", s.heads);
    check_extent("head_width", s.head_width);
    check_extent("queries_per_target", s.queries_per_target);
    if (int64_t(s.queries_per_target) * s.heads * s.head_width > (int64_t(1) << 31) - 1)
        fail_argument("queries_per_target * heads * head_width", std::to_string(int64_t(s.queries_per_target) * s.heads * s.head_width), "below 2^31");
    check_extent("key_value_heads", s.key_value_heads, 1, s.heads);
    if (s.heads % s.key_value_heads != 0) fail_argument("key_value_heads", std::to_string(s.key_value_heads), "a divisor of heads, " + std::to_string(s.heads));
    if (s.form == LSK_SHARED && s.key_value_heads != 1) fail_argument("key_value_heads", std::to_string(s.key_value_heads), "1 for shared history");
    check_choice("broadcast_queries", s.broadcast_queries, 2);
    check_choice("score", s.score, LSK_IDENTITY + 1);
    check_finite("scale", s.scale);
    check_finite_not_negative("soft_cap", s.soft_cap);
    check_finite_not_negative("score_divisor", s.score_divisor);
    if (s.score == LSK_SOFTMAX && s.score_divisor != 0) fail_argument("score_divisor", std::to_string(s.score_divisor), "0 for softmax, which normalises by itself");
    check_choice("history_encoding", s.history_encoding, LSK_HISTORY_ENCODING_INT4 + 1);
    check_offsets("target_offsets", s.target_offsets, s.segments);
    check_offsets("history_offsets", s.history_offsets, s.segments);

    AttentionShape shape;
    shape.dtype = s.dtype;
    shape.output_dtype = s.output_dtype;
    shape.form = s.form;
    shape.history_encoding = s.history_encoding;
    shape.score = s.score;
    shape.heads = s.heads;
    shape.head_width = s.head_width;
    shape.key_value_heads = s.key_value_heads;
    shape.queries_per_target = s.queries_per_target;
    shape.broadcast_queries = s.broadcast_queries != 0;
    shape.scale = s.scale;
    shape.soft_cap = s.soft_cap;
    shape.score_divisor = s.score_divisor;
    shape.target_offsets.assign(s.target_offsets, s.target_offsets + s.segments + 1);
    shape.history_offsets.assign(s.history_offsets, s.history_offsets + s.segments + 1);
    if (s.history_limits) shape.history_limits.assign(s.history_limits, s.history_limits + shape.targets());
    for (size_t i = 0; i < shape.history_limits.size(); i++)
        if (shape.history_limits[i] < 0) fail_argument("history_limits[" + std::to_string(i) + "]", std::to_string(shape.history_limits[i]), "0 or more");
    for (int64_t i = 1; shape.broadcast_queries && i < shape.segments(); i++) {
        const int64_t targets = shape.target_offsets[i + 1] - shape.target_offsets[i];
        if (targets != shape.target_offsets[1])
            fail_argument("target_offsets", std::to_string(targets) + " targets in segment " + std::to_string(i), std::to_string(shape.target_offsets[1]) + " in every segment, as queries are broadcast");
    }
    return shape;
}

bool aligned(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer) % 16 == 0; }

// Rows of the history, one a head of a token: elements, or codes and scales.
void check_history(const CrossAttentionPlan& plan, const char* rows, const void* pointer, const char* scales, const float* scale_pointer) {
    const AttentionShape& shape = plan.shape;
    const int64_t count = shape.tokens() * shape.key_value_heads;
    switch (shape.history_encoding) {
        case LSK_HISTORY_ENCODING_NONE:
            check_tensor(rows, pointer, plan.history_elements(), dtype_bytes(shape.dtype));
            check_absent(scales, scale_pointer, "the history is not encoded");
            break;
        case LSK_HISTORY_ENCODING_FLOAT16:
            check_tensor(rows, pointer, plan.history_elements(), 2);
            check_tensor(scales, scale_pointer, 0, 4);
            break;
        default:
            check_tensor(rows, pointer, count * shape.row_bytes(), 1);
            check_tensor(scales, scale_pointer, count, 4);
            break;
    }
}

EncodedHistory encoded_history(const AttentionShape& shape, const lsk_cross_attention_tensors& t) {
    EncodedHistory encoded{};
    encoded.key_scales = t.key_scales;
    encoded.value_scales = t.value_scales ? t.value_scales : t.key_scales;
    encoded.bits = shape.code_bits();
    encoded.row_bytes = shape.row_bytes();
    const auto addresses = reinterpret_cast<uintptr_t>(t.keys) | reinterpret_cast<uintptr_t>(t.values) | static_cast<uintptr_t>(encoded.row_bytes);
    encoded.copy_bytes = addresses % 16 == 0 ? 16 : addresses % 8 == 0 ? 8 : 4;
    encoded.aligned = addresses % 4 == 0;
    while (encoded.copy_lanes_log2 < 5 && encoded.copy_bytes << encoded.copy_lanes_log2 < encoded.row_bytes) encoded.copy_lanes_log2++;
    return encoded;
}
}  // namespace

namespace lsk {

CrossAttentionParams cross_attention_inputs(const CrossAttentionPlan& plan, const lsk_cross_attention_tensors& t) {
    const AttentionShape& shape = plan.shape;
    const int64_t element = dtype_bytes(shape.dtype);
    check_tensor("queries", t.queries, plan.query_elements(), element);
    check_history(plan, "keys", t.keys, "key_scales", t.key_scales);
    if (plan.shared_history()) {
        check_absent("values", t.values, "shared history is its own values");
        check_absent("value_scales", t.value_scales, "shared history is its own values");
    } else {
        check_history(plan, "values", t.values, "value_scales", t.value_scales);
    }
    check_tensor("key_bias", t.key_bias, 0, 4);

    CrossAttentionParams params{};
    params.queries = t.queries;
    params.keys = t.keys;
    params.values = plan.shared_history() ? t.keys : t.values;
    params.key_bias = t.key_bias;
    params.limits = plan.limits.data();
    params.heads = shape.heads;
    params.heads_per_key_value = shape.heads_per_key_value();
    params.queries_per_target = shape.queries_per_target;
    params.key_value_heads = shape.key_value_heads;
    params.width = shape.head_width;
    params.score = static_cast<Score>(shape.score);
    params.scale = shape.scale;
    params.soft_cap = shape.soft_cap;
    params.score_divisor = shape.score_divisor;
    params.input_dtype = shape.dtype;
    params.output_dtype = shape.output_dtype;
    params.shared_history = plan.shared_history();
    params.aligned_inputs = shape.head_width * element % 16 == 0 && aligned(t.queries);
    if (shape.code_bits() == 0)
        params.aligned_inputs = params.aligned_inputs && aligned(t.keys) && aligned(t.values);
    else
        params.encoded = encoded_history(shape, t);
    return params;
}

lsk_status cross_attention_plan(lsk_context* context, const lsk_cross_attention_shape* shape, const ForwardPin& pin, lsk_plan** result, const BackwardPin& backward_pin) {
    return make_plan<CrossAttentionPlan>(context, result, [&](CrossAttentionPlan& plan) {
        plan.shape = checked_shape(checked("shape", shape));
        if (const std::string why = unsupported_forward(plan.shape); !why.empty()) throw Failure(LSK_UNSUPPORTED, why);
        const Chip chip{context->compute_capability, context->multiprocessors, context->shared_memory_per_block};
        try {
            plan.forward = plan_forward(chip, plan.shape, pin);
        } catch (const std::invalid_argument& none) {
            throw Failure(LSK_UNSUPPORTED, none.what());
        }
        if (plan.forward.tickets > workspace_tickets) throw Failure(LSK_UNSUPPORTED, "The plan needs more tickets than a workspace has.");
        plan.forward_works = DeviceArray<AttentionWork>(context, plan.forward.works);
        plan.forward_block_works = DeviceArray<int32_t>(context, plan.forward.block_works);
        plan.limits = DeviceArray<int64_t>(context, plan.shape.history_limits);
        plan.forward_workspace = plan.forward.tickets > 0 ? workspace_ticket_bytes + plan.forward.partial_bytes : 0;
        plan.explanation = plan.forward.explanation;
        plan_cross_attention_backward(plan, chip, backward_pin);
    });
}

}  // namespace lsk

extern "C" lsk_status lsk_cross_attention_plan(lsk_context* context, const lsk_cross_attention_shape* shape, lsk_plan** plan) {
    return cross_attention_plan(context, shape, {}, plan);
}

extern "C" lsk_status lsk_cross_attention_forward(lsk_plan* plan, const lsk_cross_attention_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream) {
    return guarded([&] {
        const Run<CrossAttentionPlan> run(plan, LSK_FORWARD, workspace, stream);
        const auto& t = checked("tensors", tensors);
        const AttentionShape& shape = run.plan().shape;
        CrossAttentionParams params = cross_attention_inputs(run.plan(), t);
        const int64_t output_bytes = dtype_bytes(shape.output_dtype);
        check_tensor("output", t.output, run.plan().output_elements(), output_bytes);
        check_tensor("log_sum_exp", t.log_sum_exp, 0, 4);
        if (shape.score != LSK_SOFTMAX) check_absent("log_sum_exp", t.log_sum_exp, "only softmax has an LSE");
        params.output = t.output;
        params.log_sum_exp = t.log_sum_exp;
        params.aligned_output = shape.head_width * output_bytes % 16 == 0 && aligned(t.output);
        params.works = run.plan().forward_works.data();
        params.block_works = run.plan().forward_block_works.data();
        params.blocks = run.plan().forward.blocks();
        if (run.workspace()) {
            params.tickets = reinterpret_cast<uint32_t*>(run.workspace());
            params.partials = reinterpret_cast<float4*>(run.workspace() + workspace_ticket_bytes);
        }
        run.check(launch_cross_attention_forward(run.plan().forward.how, params, run.stream()));
    });
}
