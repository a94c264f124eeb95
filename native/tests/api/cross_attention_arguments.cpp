#include "support/device.h"
#include "support/refusal.h"

using namespace lsk::test;

namespace {
const int64_t targets[] = {0, 2, 3}, history[] = {0, 5, 9};

lsk_cross_attention_shape valid() {
    return {sizeof(lsk_cross_attention_shape), LSK_BFLOAT16, LSK_BFLOAT16, LSK_PROJECTED, 4, 16, 2, 1, 0, LSK_SOFTMAX, 0.25f, 0, 0, 0, 2, targets, history, nullptr};
}

// The call fails with the status and a text that names the argument.
template <class Change>
void refuse(const Device& device, lsk_status status, const std::string& named, Change change) {
    lsk_cross_attention_shape shape = valid();
    change(shape);
    Plan plan;
    CHECK(lsk_cross_attention_plan(device.context, &shape, &plan.handle) == status);
    const std::string text = lsk_last_error();
    CHECK_MESSAGE(text.find(named) != std::string::npos, text);
    CHECK(plan.handle == nullptr);
}
}  // namespace

TEST_SUITE("cross_attention_arguments") {
    TEST_CASE("a shape that makes no sense is refused with the argument's name") {
        const Device device;
        using Shape = lsk_cross_attention_shape;
        const auto invalid = [&](const char* named, auto change) { refuse(device, LSK_INVALID_ARGUMENT, named, change); };
        invalid("shape.struct_size", [](Shape& s) { s.struct_size = 8; });
        invalid("dtype", [](Shape& s) { s.dtype = 3; });
        invalid("output_dtype", [](Shape& s) { s.output_dtype = LSK_FLOAT16; });
        invalid("form", [](Shape& s) { s.form = 2; });
        invalid("heads", [](Shape& s) { s.heads = 0; });
        invalid("head_width", [](Shape& s) { s.head_width = -1; });
        invalid("key_value_heads", [](Shape& s) { s.key_value_heads = 3; });
        invalid("key_value_heads", [](Shape& s) { s.form = LSK_SHARED; });
        invalid("queries_per_target", [](Shape& s) { s.queries_per_target = 0; });
        invalid("broadcast_queries", [](Shape& s) { s.broadcast_queries = 2; });
        invalid("target_offsets", [](Shape& s) { s.broadcast_queries = 1; });
        invalid("score", [](Shape& s) { s.score = 3; });
        invalid("scale", [](Shape& s) { s.scale = NAN; });
        invalid("soft_cap", [](Shape& s) { s.soft_cap = -1; });
        invalid("score_divisor", [](Shape& s) { s.score_divisor = 2; });
        invalid("history_encoding", [](Shape& s) { s.history_encoding = 4; });
        invalid("history_encoding", [](Shape& s) { s.history_encoding = -1; });
        invalid("segments", [](Shape& s) { s.segments = -1; });
        invalid("target_offsets", [](Shape& s) { s.target_offsets = nullptr; });
        static const int64_t falling[] = {0, 5, 4}, negative[] = {1, 2, -3};
        invalid("history_offsets[2]", [](Shape& s) { s.history_offsets = falling; });
        invalid("history_limits[2]", [](Shape& s) { s.history_limits = negative; });
    }

    TEST_CASE("what no kernel takes is refused with the limit") {
        const Device device;
        refuse(device, LSK_UNSUPPORTED, "256", [](lsk_cross_attention_shape& s) { s.head_width = 257; });
        refuse(device, LSK_UNSUPPORTED, "1024", [](lsk_cross_attention_shape& s) { s.form = LSK_SHARED, s.key_value_heads = 1, s.head_width = 1025; });
        refuse(device, LSK_UNSUPPORTED, "256", [](lsk_cross_attention_shape& s) { s.head_width = 257, s.history_encoding = LSK_HISTORY_ENCODING_INT8; });
        static const int64_t endless[] = {0, int64_t(1) << 31, int64_t(1) << 31};
        refuse(device, LSK_UNSUPPORTED, "history_offsets", [](lsk_cross_attention_shape& s) { s.history_offsets = endless; });
    }

    TEST_CASE("tensors that contradict the plan are refused") {
        const Device device;
        Plan plan;
        lsk_cross_attention_shape shape = valid();
        shape.form = LSK_SHARED;
        shape.key_value_heads = 1;
        shape.score = LSK_SILU;
        succeed(lsk_cross_attention_plan(device.context, &shape, &plan.handle));
        Tensor rows(device, LSK_BFLOAT16, 1024), floats(device, LSK_FLOAT32, 64);
        const lsk_cross_attention_tensors good{sizeof good, rows.pointer(), rows.pointer(), nullptr, nullptr, nullptr, nullptr, rows.pointer(), nullptr};
        const auto refuse_run = [&](const char* named, auto change) {
            lsk_cross_attention_tensors tensors = good;
            change(tensors);
            CHECK(lsk_cross_attention_forward(plan.handle, &tensors, nullptr, device.stream) == LSK_INVALID_ARGUMENT);
            CHECK(std::string(lsk_last_error()).find(named) != std::string::npos);
        };
        using Tensors = lsk_cross_attention_tensors;
        refuse_run("values", [&](Tensors& t) { t.values = rows.pointer(); });
        refuse_run("log_sum_exp", [&](Tensors& t) { t.log_sum_exp = floats.floats(); });
        refuse_run("queries", [](Tensors& t) { t.queries = nullptr; });
        refuse_run("output", [](Tensors& t) { t.output = nullptr; });
        refuse_run("keys", [&](Tensors& t) { t.keys = static_cast<std::byte*>(rows.pointer()) + 1; });
        refuse_run("key_scales", [&](Tensors& t) { t.key_scales = floats.floats(); });
        refuse_run("tensors.struct_size", [](Tensors& t) { t.struct_size = 4; });
    }

    TEST_CASE("codes and scales that contradict the plan are refused") {
        const Device device;
        const Tensor rows(device, LSK_BFLOAT16, 1024), floats(device, LSK_FLOAT32, 64);
        using Tensors = lsk_cross_attention_tensors;
        const auto refuse_run = [&](int encoding, int form, const char* named, auto change) {
            lsk_cross_attention_shape shape = valid();
            shape.history_encoding = encoding;
            shape.form = form;
            if (form == LSK_SHARED) shape.key_value_heads = 1;
            Plan plan;
            succeed(lsk_cross_attention_plan(device.context, &shape, &plan.handle));
            Tensors tensors{sizeof tensors, rows.pointer(), rows.pointer(), rows.pointer(), floats.floats(), floats.floats(), nullptr, rows.pointer(), nullptr};
            change(tensors);
            refused(lsk_cross_attention_forward(plan.handle, &tensors, nullptr, device.stream), LSK_INVALID_ARGUMENT, named);
        };
        const auto past = [](const auto* pointer) { return reinterpret_cast<decltype(pointer)>(reinterpret_cast<const std::byte*>(pointer) + 1); };
        refuse_run(LSK_HISTORY_ENCODING_INT8, LSK_PROJECTED, "key_scales was NULL", [](Tensors& t) { t.key_scales = nullptr; });
        refuse_run(LSK_HISTORY_ENCODING_INT4, LSK_PROJECTED, "value_scales was NULL", [](Tensors& t) { t.value_scales = nullptr; });
        refuse_run(LSK_HISTORY_ENCODING_INT8, LSK_PROJECTED, "keys was NULL", [](Tensors& t) { t.keys = nullptr; });
        refuse_run(LSK_HISTORY_ENCODING_INT8, LSK_PROJECTED, "values was NULL", [](Tensors& t) { t.values = nullptr; });
        refuse_run(LSK_HISTORY_ENCODING_INT8, LSK_PROJECTED, "key_scales was a pointer at 1 bytes past", [&](Tensors& t) { t.key_scales = past(t.key_scales); });
        refuse_run(LSK_HISTORY_ENCODING_FLOAT16, LSK_PROJECTED, "values was a pointer at 1 bytes past", [&](Tensors& t) { t.values = past(static_cast<const char*>(t.values)); });
        refuse_run(LSK_HISTORY_ENCODING_INT8, LSK_SHARED, "values was a tensor", [](Tensors&) {});
        refuse_run(LSK_HISTORY_ENCODING_INT8, LSK_SHARED, "value_scales was a tensor", [](Tensors& t) { t.values = nullptr; });
    }

    TEST_CASE("an encoded history has no backward, and says so") {
        const Device device;
        lsk_cross_attention_shape shape = valid();
        shape.history_encoding = LSK_HISTORY_ENCODING_INT8;
        Plan plan;
        succeed(lsk_cross_attention_plan(device.context, &shape, &plan.handle));
        CHECK(plan.workspace_bytes(LSK_BACKWARD) == 0);
        const lsk_cross_attention_tensors tensors{sizeof tensors, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};
        const lsk_cross_attention_gradients gradients{sizeof gradients, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};
        refused(lsk_cross_attention_backward(plan.handle, &tensors, &gradients, nullptr, device.stream), LSK_UNSUPPORTED, "history_encoding has no backward");
    }
}
