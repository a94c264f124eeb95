#include "api/run.h"
#include "kernels/segment_reduce/segment_reduce.h"
#include "plan/segment_reduce.h"

using namespace lsk;

namespace {
struct SegmentReducePlan final : lsk_plan {
    static constexpr const char* operation_name = "segment reduce";
    explicit SegmentReducePlan(lsk_context* context) : lsk_plan(context, operation_name) {}

    int dtype = 0;
    int reduction = 0;
    int width = 0;
    int64_t segments = 0;
    int64_t total = 0;
    int64_t partials = 0;
    int64_t piece_count = 0;
    int64_t split_count = 0;
    DeviceArray<SegmentPiece> pieces;
    DeviceArray<SplitSegment> splits;

    int64_t element_bytes() const { return dtype_bytes(dtype); }
    int64_t maximum_rows_bytes() const { return reduction == LSK_MAX ? segments * width * 8 : 0; }
    int64_t partial_rows_bytes() const { return reduction == LSK_MAX ? partials * width * 8 : 0; }
    int64_t partials_bytes() const { return partials * width * 4; }
};

SegmentReduceParams params_of(const Run<SegmentReducePlan>& run) {
    const SegmentReducePlan& plan = run.plan();
    SegmentReduceParams params{};
    std::byte* at = run.workspace() + workspace_ticket_bytes;  // rows of partial maxima, partial results, rows of maxima
    params.partial_rows = reinterpret_cast<int64_t*>(at);
    params.partials = reinterpret_cast<float*>(at + plan.partial_rows_bytes());
    params.pieces = plan.pieces.data();
    params.splits = plan.splits.data();
    params.piece_count = plan.piece_count;
    params.split_count = plan.split_count;
    params.width = plan.width;
    params.dtype = plan.dtype;
    params.reduction = plan.reduction;
    params.lanes = lanes_per_row(plan.width * plan.element_bytes());
    return params;
}
}  // namespace

extern "C" lsk_status lsk_segment_reduce_plan(lsk_context* context, const lsk_segment_reduce_shape* shape, lsk_plan** result) {
    return make_plan<SegmentReducePlan>(context, result, [&](SegmentReducePlan& plan) {
        const auto& s = checked("shape", shape);
        check_choice("dtype", s.dtype, LSK_FLOAT16 + 1);
        check_choice("reduction", s.reduction, LSK_MAX + 1);
        check_extent("width", s.width);
        check_offsets("offsets", s.offsets, s.segments);
        SegmentLayout layout = segment_layout(s.offsets, s.segments, context->multiprocessors);
        if (const int64_t blocks = static_cast<int64_t>(layout.pieces.size()) * ((s.width + 31) / 32); blocks > INT32_MAX)
            throw Failure(LSK_UNSUPPORTED, "segments and width need " + std::to_string(blocks) + " blocks; at most " + std::to_string(INT32_MAX) + " are supported.");
        plan.dtype = s.dtype;
        plan.reduction = s.reduction;
        plan.width = s.width;
        plan.segments = s.segments;
        plan.total = s.offsets[s.segments];
        plan.partials = layout.partials;
        plan.piece_count = static_cast<int64_t>(layout.pieces.size());
        plan.split_count = static_cast<int64_t>(layout.splits.size());
        plan.pieces = DeviceArray<SegmentPiece>(context, layout.pieces);
        plan.splits = DeviceArray<SplitSegment>(context, layout.splits);
        const char* names[] = {"sum", "mean", "maximum"};
        plan.explanation = explain(layout, s.segments, s.width, dtype_name(s.dtype), names[s.reduction]);
        plan.forward_workspace = workspace_ticket_bytes + plan.partial_rows_bytes() + plan.partials_bytes();
        plan.backward_workspace = plan.reduction == LSK_MAX ? plan.forward_workspace + 8 + plan.maximum_rows_bytes() : 0;
    });
}

extern "C" lsk_status lsk_segment_reduce_forward(lsk_plan* plan, const lsk_segment_reduce_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream) {
    return guarded([&] {
        const Run<SegmentReducePlan> run(plan, LSK_FORWARD, workspace, stream);
        const auto& t = checked("tensors", tensors);
        const SegmentReducePlan& reduce = run.plan();
        SegmentReduceParams params = params_of(run);
        check_tensor("input", t.input, reduce.total * reduce.width, reduce.element_bytes());
        check_tensor("output", t.output, reduce.segments * reduce.width, reduce.element_bytes());
        params.input = t.input;
        params.output = t.output;
        params.alignment = row_alignment(reduce.width * reduce.element_bytes(), {t.input});
        run.check(launch_segment_reduce(params, run.stream()));
    });
}

extern "C" lsk_status lsk_segment_reduce_backward(lsk_plan* plan, const lsk_segment_reduce_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream) {
    return guarded([&] {
        const Run<SegmentReducePlan> run(plan, LSK_BACKWARD, workspace, stream);
        const auto& t = checked("tensors", tensors);
        const SegmentReducePlan& reduce = run.plan();
        const int64_t row_bytes = reduce.width * reduce.element_bytes();
        SegmentReduceParams params = params_of(run);
        check_tensor("input", t.input, reduce.reduction == LSK_MAX ? reduce.total * reduce.width : 0, reduce.element_bytes());
        check_tensor("output_gradient", t.output_gradient, reduce.segments * reduce.width, reduce.element_bytes());
        check_tensor("input_gradient", t.input_gradient, reduce.total * reduce.width, reduce.element_bytes());
        if (reduce.reduction == LSK_MAX) {
            const int64_t after_partials = (reduce.partial_rows_bytes() + reduce.partials_bytes() + 7) / 8 * 8;
            params.maximum_rows = reinterpret_cast<int64_t*>(run.workspace() + workspace_ticket_bytes + after_partials);
            params.input = t.input;
            params.alignment = row_alignment(row_bytes, {t.input});
            run.check(launch_segment_reduce(params, run.stream()));
        }
        params.output_gradient = t.output_gradient;
        params.input_gradient = t.input_gradient;
        params.alignment = row_alignment(row_bytes, {t.output_gradient, t.input_gradient});
        run.check(launch_segment_spread(params, run.stream()));
    });
}
