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
    plan.explanation = sum.explanation;
    return sum.partial_bytes > 0 ? workspace_ticket_bytes + sum.partial_bytes : 0;
}

LinearAttentionStateParams sum_params(const LinearAttentionPlan& plan, std::byte* workspace) {
    LinearAttentionStateParams params{};
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
        LinearAttentionStateParams params = sum_params(run.plan(), run.workspace());
        params.keys = t.keys;
        params.values = t.values;
        params.state = t.state;
        params.key_alignment = row_alignment(run.plan().key_row_bytes(), {t.keys});
        params.value_alignment = row_alignment(run.plan().value_row_bytes(), {t.values});
        run.check(launch_linear_attention_state(params, run.stream()));
    });
}
