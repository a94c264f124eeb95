// Memory and copies.
#include <algorithm>
#include <memory>
#include "api/error.h"
#include "api/run.h"

using namespace lsk;

extern "C" lsk_status lsk_buffer_create(lsk_context* context, int32_t memory, int64_t bytes, lsk_buffer** result) {
    return guarded([&] {
        checked_handle("context", context)->make_current();
        check_result("buffer", result);
        *result = nullptr;
        check_choice("memory", memory, LSK_MEMORY_WORKSPACE + 1);
        if (bytes < 0) fail_argument("bytes", std::to_string(bytes), "0 or more");
        auto buffer = std::make_unique<lsk_buffer>(context);
        buffer->memory = static_cast<lsk_memory>(memory);
        buffer->bytes = bytes;
        const auto size = static_cast<size_t>(memory == LSK_MEMORY_WORKSPACE ? std::max(bytes, workspace_ticket_bytes) : bytes);
        const std::string what = "allocating " + std::to_string(bytes) + " bytes";
        if (size > 0) {
            if (memory == LSK_MEMORY_PINNED)
                context->check(cudaMallocHost(&buffer->pointer, size), what.c_str());
            else
                context->check(cudaMalloc(&buffer->pointer, size), what.c_str());
        }
        if (memory == LSK_MEMORY_WORKSPACE) {
            context->check(cudaMemset(buffer->pointer, 0, workspace_ticket_bytes), "clearing a workspace's tickets");
            // A clear does not wait, and streams of runs do not wait for the default stream.
            context->check(cudaStreamSynchronize(nullptr), "clearing a workspace's tickets");
        }
        register_handle(buffer.get(), HandleKind::buffer);
        *result = buffer.release();
    });
}

extern "C" lsk_status lsk_buffer_destroy(lsk_buffer* buffer) {
    return guarded([&] {
        if (!buffer) return;
        checked_handle("buffer", buffer);
        unregister_handle(buffer);
        delete buffer;
    });
}

extern "C" lsk_status lsk_buffer_pointer(lsk_buffer* buffer, void** pointer) {
    return guarded([&] {
        checked_handle("buffer", buffer);
        check_result("pointer", pointer);
        *pointer = buffer->pointer;
    });
}

extern "C" lsk_status lsk_buffer_bytes(lsk_buffer* buffer, int64_t* bytes) {
    return guarded([&] {
        checked_handle("buffer", buffer);
        check_result("bytes", bytes);
        *bytes = buffer->bytes;
    });
}

extern "C" lsk_status lsk_copy(lsk_stream* stream, void* destination, const void* source, int64_t bytes, int32_t kind) {
    return guarded([&] {
        checked_handle("stream", stream)->context->make_current();
        if (bytes < 0) fail_argument("bytes", std::to_string(bytes), "0 or more");
        check_choice("kind", kind, LSK_DEVICE_TO_DEVICE + 1);
        if (bytes == 0) return;
        check_tensor("destination", destination, bytes, 1);
        check_tensor("source", source, bytes, 1);
        const cudaMemcpyKind direction = kind == LSK_HOST_TO_DEVICE ? cudaMemcpyHostToDevice : kind == LSK_DEVICE_TO_HOST ? cudaMemcpyDeviceToHost : cudaMemcpyDeviceToDevice;
        stream->context->check(cudaMemcpyAsync(destination, source, static_cast<size_t>(bytes), direction, stream->handle), "copying");
    });
}

extern "C" lsk_status lsk_clear(lsk_stream* stream, void* destination, int64_t bytes) {
    return guarded([&] {
        checked_handle("stream", stream)->context->make_current();
        if (bytes < 0) fail_argument("bytes", std::to_string(bytes), "0 or more");
        if (bytes == 0) return;
        check_tensor("destination", destination, bytes, 1);
        stream->context->check(cudaMemsetAsync(destination, 0, static_cast<size_t>(bytes), stream->handle), "clearing");
    });
}
