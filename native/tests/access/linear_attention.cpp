#include "access/access_report.h"
#include "support/device.h"
#include "support/samples.h"

using namespace lsk::test;

namespace {
constexpr int64_t rows = 1024;
constexpr int heads = 2, width = 64;
constexpr size_t elements = size_t(rows) * heads * width, state_elements = size_t(heads) * width * width;

// One segment; the state and what it is read as in fp32.
struct Layer {
    const lsk_dtype dtype;
    const Device device;
    Plan plan;
    std::vector<int64_t> offsets{0, rows};
    const Tensor keys, values, self_keys, self_values, gradient;
    Tensor state, state_gradient, output, key_gradient, value_gradient, self_key_gradient, self_value_gradient;

    Layer(lsk_dtype type, lsk_status (*make)(lsk_context*, const lsk_linear_attention_shape*, lsk_plan**))
        : dtype(type), keys(sample(1)), values(sample(2)), self_keys(sample(3)), self_values(sample(4)), gradient(sample(5)),
          state(device, LSK_FLOAT32, normal(state_elements, 6)), state_gradient(device, LSK_FLOAT32, normal(state_elements, 7)), output(device, dtype, elements),
          key_gradient(device, dtype, elements), value_gradient(device, dtype, elements), self_key_gradient(device, dtype, elements), self_value_gradient(device, dtype, elements) {
        const lsk_linear_attention_shape shape{sizeof shape, dtype, heads, width, width, LSK_ACTIVATION_SILU, LSK_ACTIVATION_SILU, 0.1f, 1, offsets.data()};
        succeed(make(device.context, &shape, &plan.handle));
    }

    Tensor sample(uint64_t seed) const { return {device, dtype, normal(elements, seed)}; }
    // Of all its rows in one tensor.
    uint64_t bytes() const { return elements * element_bytes(dtype); }
};

void check_loaded(const Layer& layer, int tensors) {
    CAPTURE(layer.dtype);
    CHECK(AccessReport::global_bytes_read("tile.cuh") == tensors * layer.bytes());
}
}  // namespace

TEST_SUITE("linear_attention") {
    TEST_CASE("the state reads keys and values once, without bank conflicts and in whole sectors") {
        for (const lsk_dtype dtype : all_dtypes) {
            const Layer layer(dtype, lsk_linear_attention_state_plan);
            const Workspace workspace(layer.device, layer.plan, LSK_FORWARD);
            const lsk_linear_attention_state_tensors tensors{sizeof tensors, layer.keys.pointer(), layer.values.pointer(), layer.state.floats(), nullptr, nullptr};
            const AccessReport report;
            succeed(lsk_linear_attention_state_forward(layer.plan.handle, &tensors, workspace.buffer, layer.device.stream));
            layer.device.synchronize();
            report.check();
            check_loaded(layer, 2);
        }
    }

    TEST_CASE("gradients of the state's rows read keys and values once") {
        for (const lsk_dtype dtype : all_dtypes) {
            const Layer layer(dtype, lsk_linear_attention_state_plan);
            const lsk_linear_attention_state_tensors tensors{sizeof tensors, layer.keys.pointer(), layer.values.pointer(), layer.state.floats(), layer.key_gradient.pointer(),
                                                             layer.value_gradient.pointer()};
            const AccessReport report;
            succeed(lsk_linear_attention_state_backward(layer.plan.handle, &tensors, nullptr, layer.device.stream));
            layer.device.synchronize();
            report.check();
            check_loaded(layer, 2);
        }
    }

    TEST_CASE("rows that read the state are read once, and so are their gradients'") {
        for (const lsk_dtype dtype : all_dtypes) {
            const Layer layer(dtype, lsk_linear_attention_apply_plan);
            const Workspace workspace(layer.device, layer.plan, LSK_BACKWARD);
            lsk_linear_attention_apply_tensors tensors{};
            tensors.struct_size = sizeof tensors;
            tensors.queries = layer.keys.pointer(), tensors.state = layer.state.floats();
            tensors.self_keys = layer.self_keys.pointer(), tensors.self_values = layer.self_values.pointer();
            tensors.output = layer.output.pointer();
            {
                const AccessReport report;
                succeed(lsk_linear_attention_apply_forward(layer.plan.handle, &tensors, nullptr, layer.device.stream));
                layer.device.synchronize();
                report.check();
                check_loaded(layer, 1);
            }
            tensors.output = nullptr;
            tensors.output_gradient = layer.gradient.pointer();
            tensors.query_gradient = layer.key_gradient.pointer(), tensors.state_gradient = layer.state_gradient.floats();
            tensors.self_key_gradient = layer.self_key_gradient.pointer(), tensors.self_value_gradient = layer.self_value_gradient.pointer();
            const AccessReport report;
            succeed(lsk_linear_attention_apply_backward(layer.plan.handle, &tensors, workspace.buffer, layer.device.stream));
            layer.device.synchronize();
            report.check();
            check_loaded(layer, 3);  // output gradients for the rows' gradients; queries and output gradients for the state's
        }
    }
}
