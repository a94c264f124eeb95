// Streams, events and captured graphs.
#include <memory>
#include "api/error.h"
#include "api/handles.h"

using namespace lsk;

extern "C" lsk_status lsk_stream_create(lsk_context* context, lsk_stream** result) {
    return guarded([&] {
        checked_handle("context", context)->make_current();
        check_result("stream", result);
        auto stream = std::make_unique<lsk_stream>(context);
        context->check(cudaStreamCreateWithFlags(&stream->handle, cudaStreamNonBlocking), "creating a stream");
        stream->owned = true;
        register_handle(stream.get(), HandleKind::stream);
        *result = stream.release();
    });
}

extern "C" lsk_status lsk_stream_wrap(lsk_context* context, void* cuda_stream, lsk_stream** result) {
    return guarded([&] {
        checked_handle("context", context);
        check_result("stream", result);
        auto stream = std::make_unique<lsk_stream>(context);
        stream->handle = static_cast<cudaStream_t>(cuda_stream);
        register_handle(stream.get(), HandleKind::stream);
        *result = stream.release();
    });
}

extern "C" lsk_status lsk_stream_destroy(lsk_stream* stream) {
    return guarded([&] {
        if (!stream) return;
        checked_handle("stream", stream);
        const cudaError_t error = stream->owned ? cudaStreamSynchronize(stream->handle) : cudaSuccess;
        lsk_context* context = stream->context;
        unregister_handle(stream);
        delete stream;
        context->check(error, "the stream's last work");
    });
}

extern "C" lsk_status lsk_stream_synchronize(lsk_stream* stream) {
    return guarded([&] {
        checked_handle("stream", stream)->context->make_current();
        stream->context->check(cudaStreamSynchronize(stream->handle), "waiting for a stream");
    });
}

extern "C" lsk_status lsk_stream_wait_event(lsk_stream* stream, lsk_event* event) {
    return guarded([&] {
        checked_handle("stream", stream)->context->make_current();
        checked_handle("event", event, stream->context);
        stream->context->check(cudaStreamWaitEvent(stream->handle, event->handle, 0), "making a stream wait for an event");
    });
}

extern "C" lsk_status lsk_stream_handle(lsk_stream* stream, void** cuda_stream) {
    return guarded([&] {
        checked_handle("stream", stream);
        check_result("cuda_stream", cuda_stream);
        *cuda_stream = stream->handle;
    });
}

extern "C" lsk_status lsk_stream_begin_capture(lsk_stream* stream) {
    return guarded([&] {
        checked_handle("stream", stream)->context->make_current();
        // Thread-local mode: what other threads do, allocations included, neither fails nor spoils the capture.
        stream->context->check(cudaStreamBeginCapture(stream->handle, cudaStreamCaptureModeThreadLocal), "starting a capture");
    });
}

extern "C" lsk_status lsk_stream_end_capture(lsk_stream* stream, lsk_graph** result) {
    return guarded([&] {
        checked_handle("stream", stream)->context->make_current();
        check_result("graph", result);
        *result = nullptr;
        lsk_context* context = stream->context;
        auto graph = std::make_unique<lsk_graph>(context);
        context->check(cudaStreamEndCapture(stream->handle, &graph->graph), "ending a capture");
        context->check(cudaGraphInstantiate(&graph->executable, graph->graph, 0), "making a graph replayable");
        register_handle(graph.get(), HandleKind::graph);
        *result = graph.release();
    });
}

extern "C" lsk_status lsk_graph_launch(lsk_graph* graph, lsk_stream* stream) {
    return guarded([&] {
        checked_handle("graph", graph)->context->make_current();
        checked_handle("stream", stream, graph->context);
        graph->context->check(cudaGraphLaunch(graph->executable, stream->handle), "launching a graph");
    });
}

extern "C" lsk_status lsk_graph_destroy(lsk_graph* graph) {
    return guarded([&] {
        if (!graph) return;
        checked_handle("graph", graph);
        unregister_handle(graph);
        delete graph;
    });
}

extern "C" lsk_status lsk_event_create(lsk_context* context, lsk_event** result) {
    return guarded([&] {
        checked_handle("context", context)->make_current();
        check_result("event", result);
        auto event = std::make_unique<lsk_event>(context);
        context->check(cudaEventCreate(&event->handle), "creating an event");
        register_handle(event.get(), HandleKind::event);
        *result = event.release();
    });
}

extern "C" lsk_status lsk_event_record(lsk_event* event, lsk_stream* stream) {
    return guarded([&] {
        checked_handle("event", event)->context->make_current();
        checked_handle("stream", stream, event->context);
        event->context->check(cudaEventRecord(event->handle, stream->handle), "recording an event");
    });
}

extern "C" lsk_status lsk_event_synchronize(lsk_event* event) {
    return guarded([&] {
        checked_handle("event", event)->context->make_current();
        event->context->check(cudaEventSynchronize(event->handle), "waiting for an event");
    });
}

extern "C" lsk_status lsk_event_elapsed(lsk_event* start, lsk_event* end, float* milliseconds) {
    return guarded([&] {
        checked_handle("start", start)->context->make_current();
        checked_handle("end", end, start->context);
        check_result("milliseconds", milliseconds);
        start->context->check(cudaEventElapsedTime(milliseconds, start->handle, end->handle), "measuring between two events");
    });
}

extern "C" lsk_status lsk_event_destroy(lsk_event* event) {
    return guarded([&] {
        if (!event) return;
        checked_handle("event", event);
        unregister_handle(event);
        delete event;
    });
}
