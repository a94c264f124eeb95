#include "api/run.h"
#include "kernels/reduction/reduction.h"
#include "kernels/time_embedding/time_embedding.h"
#include "plan/time_embedding.h"

using namespace lsk;

namespace {
struct TimeEmbeddingPlan final : lsk_plan {
    static constexpr const char* operation_name = "time embedding";
    explicit TimeEmbeddingPlan(lsk_context* context) : lsk_plan(context, operation_name) {}

    int dtype = 0;
    int width = 0;
    int buckets = 0;
    int64_t segments = 0;
    int64_t total = 0;
    int threshold_count = 0;
    TimeEmbeddingLayout layout;
    DeviceArray<int64_t> offsets;
    DeviceArray<int64_t> thresholds;

    int64_t element_bytes() const { return dtype_bytes(dtype); }
};

TimeEmbeddingParams params_of(const TimeEmbeddingPlan& plan, const lsk_time_embedding_tensors& t) {
    check_tensor("request_times", t.request_times, plan.segments, 8);
    check_tensor("event_times", t.event_times, plan.total, 8);
    TimeEmbeddingParams params{};
    params.request_times = t.request_times;
    params.event_times = t.event_times;
    params.offsets = plan.offsets.data();
    params.thresholds = plan.thresholds.data();
    params.segments = plan.segments;
    params.total = plan.total;
    params.threshold_count = plan.threshold_count;
    params.width = plan.width;
    params.buckets = plan.buckets;
    params.dtype = plan.dtype;
    params.parts = plan.layout.parts;
    return params;
}
}  // namespace

extern "C" lsk_status lsk_time_embedding_plan(lsk_context* context, const lsk_time_embedding_shape* shape, lsk_plan** result) {
    return make_plan<TimeEmbeddingPlan>(context, result, [&](TimeEmbeddingPlan& plan) {
        const auto& s = checked("shape", shape);
        check_choice("dtype", s.dtype, LSK_FLOAT16 + 1);
        check_extent("width", s.width);
        check_extent("buckets", s.buckets, 2);
        if (!(s.unit > 0 && s.unit <= 1.7976931348623157e308)) fail_argument("unit", std::to_string(s.unit), "finite and greater than 0");
        check_extent("per_octave", s.per_octave);
        check_reserved("reserved", s.reserved);
        check_offsets("offsets", s.offsets, s.segments);
        const std::vector<int64_t> thresholds = bucket_thresholds(s.buckets, s.unit, s.per_octave);
        plan.dtype = s.dtype;
        plan.width = s.width;
        plan.buckets = s.buckets;
        plan.segments = s.segments;
        plan.total = s.offsets[s.segments];
        plan.threshold_count = static_cast<int>(thresholds.size());
        plan.layout = time_embedding_layout(plan.total, s.width, s.buckets, context->multiprocessors);
        plan.offsets = DeviceArray<int64_t>(context, std::vector<int64_t>(s.offsets, s.offsets + s.segments + 1));
        plan.thresholds = DeviceArray<int64_t>(context, thresholds);
        plan.explanation = explain(plan.layout, plan.total, s.width, s.buckets, dtype_name(s.dtype));
        plan.backward_workspace = workspace_ticket_bytes + plan.layout.workspace_bytes;
    });
}

extern "C" lsk_status lsk_time_embedding_forward(lsk_plan* plan, const lsk_time_embedding_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream) {
    return guarded([&] {
        const Run<TimeEmbeddingPlan> run(plan, LSK_FORWARD, workspace, stream);
        const auto& t = checked("tensors", tensors);
        TimeEmbeddingParams params = params_of(run.plan(), t);
        check_tensor("table", t.table, int64_t(params.buckets) * params.width, run.plan().element_bytes());
        check_tensor("rows", t.rows, params.total * params.width, run.plan().element_bytes());
        params.table = t.table;
        params.rows = t.rows;
        params.alignment = row_alignment(params.width * run.plan().element_bytes(), {t.table, t.rows});
        run.check(launch_time_embedding(params, run.stream()));
    });
}

extern "C" lsk_status lsk_time_embedding_backward(lsk_plan* plan, const lsk_time_embedding_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream) {
    return guarded([&] {
        const Run<TimeEmbeddingPlan> run(plan, LSK_BACKWARD, workspace, stream);
        const auto& t = checked("tensors", tensors);
        const TimeEmbeddingLayout& layout = run.plan().layout;
        TimeEmbeddingParams params = params_of(run.plan(), t);
        const int64_t table_elements = int64_t(params.buckets) * params.width;
        check_tensor("row_gradient", t.row_gradient, params.total * params.width, run.plan().element_bytes());
        check_tensor("table_gradient", t.table_gradient, table_elements, run.plan().element_bytes());
        params.row_gradient = t.row_gradient;
        params.partials = reinterpret_cast<float*>(run.workspace() + workspace_ticket_bytes);
        run.check(launch_time_embedding_backward(params, layout.in_shared ? TableMemory::shared : TableMemory::workspace, layout.warps_per_block, run.stream()));
        run.check(launch_partial_sums({params.partials, t.table_gradient, table_elements, table_elements, params.parts, params.dtype, 0, nullptr, 0}, run.stream()));
    });
}
