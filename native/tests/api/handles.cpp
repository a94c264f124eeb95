// Contexts, streams, events, buffers and graphs: every refusal names the argument, what it was and what it must be, and leaves the context usable.
#include <string>
#include <thread>
#include "support/device.h"
#include "support/refusal.h"
#include "support/samples.h"

using namespace lsk::test;

namespace {
// A small plan with its tensors, to have something to run.
struct Merge {
    static constexpr int parts = 2, rows = 3, width = 5;
    Plan plan;
    Tensor outputs, log_sum_exps, output, log_sum_exp;
    lsk_merge_states_tensors tensors;

    explicit Merge(const Device& device)
        : outputs(device, LSK_FLOAT32, normal(parts * rows * width, 1)),
          log_sum_exps(device, LSK_FLOAT32, normal(parts * rows, 2)),
          output(device, LSK_FLOAT32, rows * width),
          log_sum_exp(device, LSK_FLOAT32, rows),
          tensors{sizeof tensors, outputs.floats(), log_sum_exps.floats(), output.floats(), log_sum_exp.floats()} {
        const lsk_merge_states_shape shape{sizeof shape, parts, rows, width};
        succeed(lsk_merge_states_plan(device.context, &shape, &plan.handle));
    }
};
}  // namespace

TEST_SUITE("handles") {
    TEST_CASE("a context says what its device is") {
        const Device device;
        lsk_device_info info{};
        info.struct_size = sizeof info;
        succeed(lsk_context_device_info(device.context, &info));
        CHECK(info.compute_capability >= 80);
        CHECK(info.multiprocessors > 0);
        CHECK(info.memory_bytes > 0);
        CHECK(std::string(info.name) != "");
    }

    TEST_CASE("a device that is not there is refused") {
        lsk_context* context = nullptr;
        refused(lsk_context_create(-1, &context), LSK_NO_DEVICE, "device was -1");
        refused(lsk_context_create(1000, &context), LSK_NO_DEVICE, "device was 1000");
        CHECK(context == nullptr);
        refused(lsk_context_create(0, nullptr), LSK_INVALID_ARGUMENT, "context was NULL");
    }

    TEST_CASE("a context with live children is not destroyed") {
        const Device device;
        refused(lsk_context_destroy(device.context), LSK_INVALID_ARGUMENT, "in use by 1 live");
        device.synchronize();
    }

    TEST_CASE("handles that are null, foreign or destroyed are refused by name") {
        const Device device;
        refused(lsk_stream_synchronize(nullptr), LSK_INVALID_ARGUMENT, "stream was NULL");
        refused(lsk_stream_synchronize(reinterpret_cast<lsk_stream*>(device.context)), LSK_INVALID_ARGUMENT, "stream was a context but must be a stream");
        int nothing = 0;
        refused(lsk_stream_synchronize(reinterpret_cast<lsk_stream*>(&nothing)), LSK_INVALID_ARGUMENT, "stream was no live handle");
        lsk_stream* stream = nullptr;
        succeed(lsk_stream_create(device.context, &stream));
        succeed(lsk_stream_destroy(stream));
        refused(lsk_stream_destroy(stream), LSK_INVALID_ARGUMENT, "stream was no live handle");
        succeed(lsk_stream_destroy(nullptr));
    }

    TEST_CASE("handles of another context are refused") {
        const Device device, other;
        lsk_event* event = nullptr;
        succeed(lsk_event_create(device.context, &event));
        refused(lsk_event_record(event, other.stream), LSK_INVALID_ARGUMENT, "stream was a stream of another context");
        succeed(lsk_event_destroy(event));
        Merge merge(device);
        refused(lsk_merge_states_forward(merge.plan.handle, &merge.tensors, nullptr, other.stream), LSK_INVALID_ARGUMENT, "stream was a stream of another context");
    }

    TEST_CASE("structs of another size are refused") {
        const Device device;
        lsk_merge_states_shape shape{12, 1, 1, 1};
        lsk_plan* plan = nullptr;
        refused(lsk_merge_states_plan(device.context, &shape, &plan), LSK_INVALID_ARGUMENT, "shape.struct_size was 12");
        refused(lsk_merge_states_plan(device.context, nullptr, &plan), LSK_INVALID_ARGUMENT, "shape was NULL");
        shape.struct_size = sizeof shape;
        refused(lsk_merge_states_plan(device.context, &shape, nullptr), LSK_INVALID_ARGUMENT, "plan was NULL");
        shape.width = 0;
        refused(lsk_merge_states_plan(device.context, &shape, &plan), LSK_INVALID_ARGUMENT, "width was 0");
    }

    TEST_CASE("tensors that are null or misaligned are refused, and the plan still runs") {
        const Device device;
        Merge merge(device);
        lsk_merge_states_tensors bad = merge.tensors;
        bad.outputs = nullptr;
        refused(lsk_merge_states_forward(merge.plan.handle, &bad, nullptr, device.stream), LSK_INVALID_ARGUMENT, "outputs was NULL");
        bad = merge.tensors;
        bad.output = reinterpret_cast<float*>(reinterpret_cast<char*>(bad.output) + 2);
        refused(lsk_merge_states_forward(merge.plan.handle, &bad, nullptr, device.stream), LSK_INVALID_ARGUMENT, "aligned to 4 bytes");
        succeed(lsk_merge_states_forward(merge.plan.handle, &merge.tensors, nullptr, device.stream));
        device.synchronize();
        CHECK(std::string(lsk_last_error()).empty());
    }

    TEST_CASE("a plan of another operation is refused") {
        const Device device;
        Merge merge(device);
        const lsk_merge_states_gradients gradients{};
        refused(lsk_merge_states_backward(merge.plan.handle, &merge.tensors, &gradients, nullptr, device.stream), LSK_INVALID_ARGUMENT, "gradients.struct_size was 0");
    }

    TEST_CASE("memory that there is not is refused and the context stays usable") {
        const Device device;
        lsk_buffer* buffer = nullptr;
        refused(lsk_buffer_create(device.context, LSK_MEMORY_DEVICE, int64_t(1) << 60, &buffer), LSK_OUT_OF_MEMORY, "allocating");
        refused(lsk_buffer_create(device.context, LSK_MEMORY_PINNED, int64_t(1) << 60, &buffer), LSK_OUT_OF_MEMORY, "allocating");
        refused(lsk_buffer_create(device.context, LSK_MEMORY_DEVICE, -1, &buffer), LSK_INVALID_ARGUMENT, "bytes was -1");
        refused(lsk_buffer_create(device.context, 7, 1, &buffer), LSK_INVALID_ARGUMENT, "memory was 7");
        for (const lsk_memory memory : {LSK_MEMORY_DEVICE, LSK_MEMORY_PINNED, LSK_MEMORY_WORKSPACE}) {
            succeed(lsk_buffer_create(device.context, memory, 0, &buffer));
            succeed(lsk_buffer_destroy(buffer));
        }
    }

    TEST_CASE("copies go both ways and in stream order") {
        const Device device;
        lsk_buffer *memory = nullptr, *pinned = nullptr;
        succeed(lsk_buffer_create(device.context, LSK_MEMORY_DEVICE, 16, &memory));
        succeed(lsk_buffer_create(device.context, LSK_MEMORY_PINNED, 16, &pinned));
        void *on_device = nullptr, *on_host = nullptr;
        succeed(lsk_buffer_pointer(memory, &on_device));
        succeed(lsk_buffer_pointer(pinned, &on_host));
        int64_t bytes = 0;
        succeed(lsk_buffer_bytes(memory, &bytes));
        CHECK(bytes == 16);
        auto* numbers = static_cast<int32_t*>(on_host);
        for (int i = 0; i < 4; i++) numbers[i] = i + 1;
        succeed(lsk_copy(device.stream, on_device, on_host, 16, LSK_HOST_TO_DEVICE));
        succeed(lsk_clear(device.stream, on_device, 8));
        succeed(lsk_copy(device.stream, on_host, on_device, 16, LSK_DEVICE_TO_HOST));
        device.synchronize();
        CHECK(numbers[0] == 0);
        CHECK(numbers[1] == 0);
        CHECK(numbers[2] == 3);
        CHECK(numbers[3] == 4);
        refused(lsk_copy(device.stream, nullptr, on_host, 16, LSK_HOST_TO_DEVICE), LSK_INVALID_ARGUMENT, "destination was NULL");
        refused(lsk_copy(device.stream, on_device, on_host, 16, 3), LSK_INVALID_ARGUMENT, "kind was 3");
        succeed(lsk_buffer_destroy(memory));
        succeed(lsk_buffer_destroy(pinned));
    }

    TEST_CASE("a captured run is replayed") {
        const Device device;
        Merge merge(device);
        lsk_graph* graph = nullptr;
        succeed(lsk_stream_begin_capture(device.stream));
        succeed(lsk_merge_states_forward(merge.plan.handle, &merge.tensors, nullptr, device.stream));
        succeed(lsk_stream_end_capture(device.stream, &graph));
        CHECK(std::isnan(merge.output.values()[0]));
        succeed(lsk_graph_launch(graph, device.stream));
        const std::vector<double> replayed = merge.output.values();
        succeed(lsk_merge_states_forward(merge.plan.handle, &merge.tensors, nullptr, device.stream));
        CHECK(replayed == merge.output.values());
        succeed(lsk_graph_destroy(graph));
    }

    TEST_CASE("events order streams and measure time") {
        const Device device;
        lsk_stream* second = nullptr;
        lsk_event *start = nullptr, *end = nullptr;
        succeed(lsk_stream_create(device.context, &second));
        succeed(lsk_event_create(device.context, &start));
        succeed(lsk_event_create(device.context, &end));
        Merge merge(device);
        succeed(lsk_event_record(start, device.stream));
        succeed(lsk_merge_states_forward(merge.plan.handle, &merge.tensors, nullptr, device.stream));
        succeed(lsk_event_record(end, device.stream));
        succeed(lsk_stream_wait_event(second, end));
        succeed(lsk_stream_synchronize(second));
        succeed(lsk_event_synchronize(end));
        float milliseconds = -1;
        succeed(lsk_event_elapsed(start, end, &milliseconds));
        CHECK(milliseconds >= 0);
        succeed(lsk_event_destroy(start));
        succeed(lsk_event_destroy(end));
        succeed(lsk_stream_destroy(second));
    }

    TEST_CASE("one plan serves several threads") {
        const Device device;
        Merge merge(device);
        succeed(lsk_merge_states_forward(merge.plan.handle, &merge.tensors, nullptr, device.stream));
        const std::vector<double> expected = merge.output.values();
        std::vector<std::thread> threads;
        std::vector<lsk_status> outcomes(4, LSK_DEVICE_ERROR);
        for (size_t i = 0; i < outcomes.size(); i++)
            threads.emplace_back([&, i] {
                lsk_stream* stream = nullptr;
                lsk_buffer* memory = nullptr;
                void* pointer = nullptr;
                if (lsk_stream_create(device.context, &stream) || lsk_buffer_create(device.context, LSK_MEMORY_DEVICE, 4 * (15 + 3), &memory) || lsk_buffer_pointer(memory, &pointer)) return;
                lsk_merge_states_tensors own = merge.tensors;
                own.output = static_cast<float*>(pointer);
                own.log_sum_exp = own.output + 15;
                float host[15];
                outcomes[i] = lsk_merge_states_forward(merge.plan.handle, &own, nullptr, stream);
                if (!outcomes[i]) outcomes[i] = lsk_copy(stream, host, own.output, sizeof host, LSK_DEVICE_TO_HOST);
                if (!outcomes[i]) outcomes[i] = lsk_stream_synchronize(stream);
                for (size_t j = 0; j < 15; j++)
                    if (static_cast<double>(host[j]) != expected[j]) outcomes[i] = LSK_DEVICE_ERROR;
                lsk_buffer_destroy(memory);
                lsk_stream_destroy(stream);
            });
        for (std::thread& thread : threads) thread.join();
        for (const lsk_status outcome : outcomes) CHECK(outcome == LSK_OK);
    }

    TEST_CASE("the library names its version, target and structs") {
        int32_t version = 0;
        succeed(lsk_abi_version(&version));
        CHECK(version == LSK_ABI_VERSION);
        const char *target = nullptr, *table = nullptr;
        succeed(lsk_build_target(&target));
        CHECK((std::string(target) == "cuda" || std::string(target) == "emulated"));
        succeed(lsk_struct_layouts(&table));
        CHECK(std::string(table).find("lsk_merge_states_shape 16 struct_size:0 parts:4 rows:8 width:12\n") != std::string::npos);
        int32_t devices = 0;
        succeed(lsk_device_count(&devices));
        CHECK(devices >= 1);
    }
}
