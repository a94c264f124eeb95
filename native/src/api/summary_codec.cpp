#include "api/run.h"
#include "kernels/summary_codec/summary_codec.h"

using namespace lsk;

namespace {
struct SummaryCodecPlan final : lsk_plan {
    static constexpr const char* operation_name = "summary codec";
    explicit SummaryCodecPlan(lsk_context* context) : lsk_plan(context, operation_name) {}

    int encoding = 0;
    int rows = 0;
    int width = 0;

    int64_t row_bytes() const { return encoding == LSK_ENCODING_FLOAT16 ? 2 * int64_t(width) : encoding == LSK_ENCODING_INT8 ? width : (int64_t(width) + 1) / 2; }
};

SummaryCodecParams params_of(const Run<SummaryCodecPlan>& run, const lsk_summary_codec_tensors& t) {
    const SummaryCodecPlan& plan = run.plan();
    check_tensor("values", t.values, int64_t(plan.rows) * plan.width, 4);
    check_tensor("codes", t.codes, plan.rows * plan.row_bytes(), 1);
    check_tensor("scales", t.scales, plan.rows, 4);
    SummaryCodecParams params{};
    params.values = t.values;
    params.codes = static_cast<uint8_t*>(t.codes);
    params.scales = t.scales;
    params.rows = plan.rows;
    params.width = plan.width;
    params.encoding = plan.encoding;
    params.alignment = plan.width % 8 == 0 ? row_alignment(16, {t.values, t.codes}) : RowAlignment::elements;
    params.lanes = lanes_per_row(int64_t(plan.width) * 2);
    return params;
}
}  // namespace

extern "C" lsk_status lsk_summary_codec_plan(lsk_context* context, const lsk_summary_codec_shape* shape, lsk_plan** result) {
    return make_plan<SummaryCodecPlan>(context, result, [&](SummaryCodecPlan& plan) {
        const auto& s = checked("shape", shape);
        check_choice("encoding", s.encoding, LSK_ENCODING_INT4 + 1);
        check_extent("rows", s.rows, 0);
        check_extent("width", s.width);
        plan.encoding = s.encoding;
        plan.rows = s.rows;
        plan.width = s.width;
        const char* names[] = {"fp16", "int8", "int4"};
        plan.explanation = std::string("sm80_summary_codec ") + names[s.encoding] + ": " + std::to_string(s.rows) + " rows of " + std::to_string(s.width) + ", " +
                           std::to_string(lanes_per_row(int64_t(s.width) * 2)) + " lanes a row.";
    });
}

extern "C" lsk_status lsk_summary_codec_encode(lsk_plan* plan, const lsk_summary_codec_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream) {
    return guarded([&] {
        const Run<SummaryCodecPlan> run(plan, LSK_FORWARD, workspace, stream);
        run.check(launch_summary_encode(params_of(run, checked("tensors", tensors)), run.stream()));
    });
}

extern "C" lsk_status lsk_summary_codec_decode(lsk_plan* plan, const lsk_summary_codec_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream) {
    return guarded([&] {
        const Run<SummaryCodecPlan> run(plan, LSK_FORWARD, workspace, stream);
        run.check(launch_summary_decode(params_of(run, checked("tensors", tensors)), run.stream()));
    });
}
