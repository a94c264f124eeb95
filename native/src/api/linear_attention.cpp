#include "api/run.h"
#include "kernels/linear_attention/linear_attention.h"
#include "plan/linear_attention.h"

using namespace lsk;

namespace {
// What the plans of both halves of linear attention hold.
struct LinearAttentionPlan : lsk_plan {
    using lsk_plan::lsk_plan;

    lsk_dtype dtype = LSK_FLOAT32;
    lsk_activation row_activation = LSK_ACTIVATION_SILU;
    StateReading reading{};
    LinearAttentionWidths widths{};
    int64_t segments = 0;
    int64_t total = 0;  // rows
    DeviceArray<RowSpan> sum_spans;
    DeviceArray<RowSpan> row_spans;
    int64_t sum_span_count = 0;
    int64_t row_span_count = 0;
    int tickets_per_unit = 0;

    int64_t key_elements() const { return total * widths.heads * widths.key_width; }
    int64_t value_elements() const { return total * widths.heads * widths.value_width; }
    int64_t state_elements() const { return segments * widths.heads * widths.key_width * widths.value_width; }
    int64_t element_bytes() const { return dtype_bytes(dtype); }
    int64_t key_row_bytes() const { return widths.key_width * element_bytes(); }
    int64_t value_row_bytes() const { return widths.value_width * element_bytes(); }
};

struct StatePlan final : LinearAttentionPlan {
    static constexpr const char* operation_name = "linear attention state";
    explicit StatePlan(lsk_context* context) : LinearAttentionPlan(context, operation_name) {}
};

struct ApplyPlan final : LinearAttentionPlan {
    static constexpr const char* operation_name = "linear attention apply";
    explicit ApplyPlan(lsk_context* context) : LinearAttentionPlan(context, operation_name) {}
};

constexpr StateReading raw_state{LSK_ACTIVATION_IDENTITY, 1.0f};

// Fills the plan; returns the bytes of workspace of a sum over rows.
int64_t lay_out(LinearAttentionPlan& plan, const lsk_linear_attention_shape& s) {
    check_choice("dtype", s.dtype, LSK_FLOAT16 + 1);
    check_extent("heads", s.heads);
    check_extent("key_width", s.key_width);
    check_extent("value_width", s.value_width);
    if (double(s.heads) * s.key_width * s.value_width > double(INT32_MAX))
        fail_argument("heads * key_width * value_width", "more than 2147483647", "at most that");
    check_choice("row_activation", s.row_activation, LSK_ACTIVATION_IDENTITY + 1);
    check_choice("state_activation", s.state_activation, LSK_ACTIVATION_IDENTITY + 1);
    check_finite("state_scale", s.state_scale);
    check_offsets("offsets", s.offsets, s.segments);

    plan.dtype = static_cast<lsk_dtype>(s.dtype);
    plan.row_activation = static_cast<lsk_activation>(s.row_activation);
    plan.reading = {static_cast<lsk_activation>(s.state_activation), s.state_scale};
    const auto blocks = [](int width) { return (width + linear_attention_block - 1) / linear_attention_block; };
    plan.widths = {s.heads, s.key_width, s.value_width, blocks(s.key_width), blocks(s.value_width)};
    plan.segments = s.segments;
    plan.total = s.offsets[s.segments];

    const LinearAttentionProblem problem{s.heads, s.key_width, s.value_width, s.offsets, s.segments, plan.context->multiprocessors};
    const StateSumLayout sum = lay_out_state_sum(problem);
    plan.sum_spans = DeviceArray<RowSpan>(plan.context, sum.rows.spans);
    plan.sum_span_count = static_cast<int64_t>(sum.rows.spans.size());
    plan.tickets_per_unit = sum.rows.tickets;
    const StateRowsLayout rows = lay_out_state_rows(problem);
    plan.row_spans = DeviceArray<RowSpan>(plan.context, rows.rows.spans);
    plan.row_span_count = static_cast<int64_t>(rows.rows.spans.size());
    plan.explanation = sum.explanation + "\n" + rows.explanation;
    return sum.partial_bytes > 0 ? workspace_ticket_bytes + sum.partial_bytes : 0;
}

LinearAttentionStateParams sum_params(const LinearAttentionPlan& plan, std::byte* workspace, const void* keys, const void* values) {
    LinearAttentionStateParams params{};
    params.keys = keys;
    params.values = values;
    params.key_alignment = row_alignment(plan.key_row_bytes(), {keys});
    params.value_alignment = row_alignment(plan.value_row_bytes(), {values});
    params.spans = plan.sum_spans.data();
    params.span_count = plan.sum_span_count;
    params.tickets = reinterpret_cast<uint32_t*>(workspace);
    params.partials = workspace ? reinterpret_cast<float4*>(workspace + workspace_ticket_bytes) : nullptr;
    params.tickets_per_unit = plan.tickets_per_unit;
    params.dtype = plan.dtype;
    params.row_activation = plan.row_activation;
    params.reading = plan.reading;
    params.widths = plan.widths;
    return params;
}

using Tensors = std::initializer_list<const void*>;

LinearAttentionRowsParams rows_params(const LinearAttentionPlan& plan, StateReading reading, Tensors of_key_width, Tensors of_value_width) {
    LinearAttentionRowsParams params{};
    params.spans = plan.row_spans.data();
    params.span_count = plan.row_span_count;
    params.dtype = plan.dtype;
    params.key_alignment = row_alignment(plan.key_row_bytes(), of_key_width);
    params.value_alignment = row_alignment(plan.value_row_bytes(), of_value_width);
    params.row_activation = plan.row_activation;
    params.reading = reading;
    params.widths = plan.widths;
    return params;
}

void check_apply_inputs(const ApplyPlan& plan, const lsk_linear_attention_apply_tensors& t) {
    check_tensor("queries", t.queries, plan.key_elements(), plan.element_bytes());
    check_tensor("state", t.state, plan.state_elements(), 4);
    if (!t.self_keys) {
        check_absent("self_values", t.self_values, "there are no self_keys");
        return;
    }
    check_tensor("self_keys", t.self_keys, plan.key_elements(), plan.element_bytes());
    check_tensor("self_values", t.self_values, plan.value_elements(), plan.element_bytes());
}
}  // namespace

extern "C" lsk_status lsk_linear_attention_state_plan(lsk_context* context, const lsk_linear_attention_shape* shape, lsk_plan** result) {
    return make_plan<StatePlan>(context, result, [&](StatePlan& plan) { plan.forward_workspace = lay_out(plan, checked("shape", shape)); });
}

extern "C" lsk_status lsk_linear_attention_state_forward(lsk_plan* plan, const lsk_linear_attention_state_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream) {
    return guarded([&] {
        const Run<StatePlan> run(plan, LSK_FORWARD, workspace, stream);
        const auto& t = checked("tensors", tensors);
        check_tensor("keys", t.keys, run.plan().key_elements(), run.plan().element_bytes());
        check_tensor("values", t.values, run.plan().value_elements(), run.plan().element_bytes());
        check_tensor("state", t.state, run.plan().state_elements(), 4);
        LinearAttentionStateParams params = sum_params(run.plan(), run.workspace(), t.keys, t.values);
        params.state = t.state;
        run.check(launch_linear_attention_state(params, run.stream()));
    });
}

extern "C" lsk_status lsk_linear_attention_state_backward(lsk_plan* plan, const lsk_linear_attention_state_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream) {
    return guarded([&] {
        const Run<StatePlan> run(plan, LSK_BACKWARD, workspace, stream);
        const auto& t = checked("tensors", tensors);
        check_tensor("keys", t.keys, run.plan().key_elements(), run.plan().element_bytes());
        check_tensor("values", t.values, run.plan().value_elements(), run.plan().element_bytes());
        check_tensor("state", t.state, run.plan().state_elements(), 4);
        check_tensor("key_gradient", t.key_gradient, run.plan().key_elements(), run.plan().element_bytes());
        check_tensor("value_gradient", t.value_gradient, run.plan().value_elements(), run.plan().element_bytes());
        LinearAttentionRowsParams params = rows_params(run.plan(), raw_state, {t.keys, t.key_gradient}, {t.values, t.value_gradient});
        params.keys = t.keys;
        params.values = t.values;
        params.state = t.state;
        params.key_output = t.key_gradient;
        params.value_output = t.value_gradient;
        run.check(launch_linear_attention_rows(params, run.stream()));
    });
}

extern "C" lsk_status lsk_linear_attention_apply_plan(lsk_context* context, const lsk_linear_attention_shape* shape, lsk_plan** result) {
    return make_plan<ApplyPlan>(context, result, [&](ApplyPlan& plan) { plan.backward_workspace = lay_out(plan, checked("shape", shape)); });
}

extern "C" lsk_status lsk_linear_attention_apply_forward(lsk_plan* plan, const lsk_linear_attention_apply_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream) {
    return guarded([&] {
        const Run<ApplyPlan> run(plan, LSK_FORWARD, workspace, stream);
        const auto& t = checked("tensors", tensors);
        check_apply_inputs(run.plan(), t);
        check_tensor("output", t.output, run.plan().value_elements(), run.plan().element_bytes());
        LinearAttentionRowsParams params = rows_params(run.plan(), run.plan().reading, {t.queries, t.self_keys}, {t.self_values, t.output});
        params.keys = t.queries;
        params.state = t.state;
        params.self_keys = t.self_keys;
        params.self_values = t.self_values;
        params.value_output = t.output;
        run.check(launch_linear_attention_rows(params, run.stream()));
    });
}

extern "C" lsk_status lsk_linear_attention_apply_backward(lsk_plan* plan, const lsk_linear_attention_apply_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream) {
    return guarded([&] {
        const Run<ApplyPlan> run(plan, LSK_BACKWARD, workspace, stream);
        const auto& t = checked("tensors", tensors);
        const int64_t keys = run.plan().key_elements(), values = run.plan().value_elements(), bytes = run.plan().element_bytes();
        check_apply_inputs(run.plan(), t);
        check_tensor("output_gradient", t.output_gradient, values, bytes);
        check_tensor("query_gradient", t.query_gradient, keys, bytes);
        check_tensor("state_gradient", t.state_gradient, run.plan().state_elements(), 4);
        if (t.self_keys) {
            check_tensor("self_key_gradient", t.self_key_gradient, keys, bytes);
            check_tensor("self_value_gradient", t.self_value_gradient, values, bytes);
        }
        LinearAttentionRowsParams rows = rows_params(run.plan(), run.plan().reading, {t.queries, t.self_keys, t.query_gradient, t.self_key_gradient},
                                                     {t.output_gradient, t.self_values, t.self_value_gradient});
        rows.keys = t.queries;
        rows.values = t.output_gradient;
        rows.state = t.state;
        rows.self_keys = t.self_keys;
        rows.self_values = t.self_values;
        rows.key_output = t.query_gradient;
        rows.self_key_gradient = t.self_key_gradient;
        rows.self_value_gradient = t.self_value_gradient;
        run.check(launch_linear_attention_rows(rows, run.stream()));

        LinearAttentionStateParams sum = sum_params(run.plan(), run.workspace(), t.queries, t.output_gradient);
        sum.state = t.state_gradient;
        sum.read_state = t.state;
        run.check(launch_linear_attention_state(sum, run.stream()));
    });
}
