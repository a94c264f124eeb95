// Streams, events and graphs. All work runs on the thread that enqueues it, or, with lazy streams, that synchronises.
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include "device_memory.h"
#include "state.h"

using Work = std::function<cudaError_t()>;
using SteadyTime = std::chrono::steady_clock::time_point;

struct emuEvent {
    unsigned flags = 0;
    bool recorded = false;
    bool done = false;
    SteadyTime time;
    emuStream* stream = nullptr;
};

struct emuGraph {
    std::vector<Work> work;
};

struct emuGraphExec {
    std::vector<Work> work;
};

struct emuStream {
    std::recursive_mutex mutex;
    std::vector<Work> work;
    cudaError_t error = cudaSuccess;
    cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
    std::vector<Work> captured;
};

using namespace emu;

namespace {

struct Registry {                              // of all streams, for cudaDeviceSynchronize
    std::mutex mutex;
    std::map<emuStream*, std::shared_ptr<emuStream>> streams;    // shared: one thread may wait for a stream that another destroys
    emuStream null_stream;
};

Registry& registry() {
    static auto* const instance = new Registry;
    return *instance;
}

emuStream& resolve(cudaStream_t stream) { return stream ? *stream : registry().null_stream; }

void run_all(emuStream& stream) {
    std::lock_guard<std::recursive_mutex> guard(stream.mutex);
    std::vector<Work> work;
    work.swap(stream.work);
    for (const Work& each : work) {
        const cudaError_t error = each();
        if (error && !stream.error) stream.error = error;
    }
}

cudaError_t enqueue_work(cudaStream_t handle, Work work) {
    if (const cudaError_t error = device_usable()) return error;
    emuStream& stream = resolve(handle);
    std::lock_guard<std::recursive_mutex> guard(stream.mutex);
    if (stream.capture == cudaStreamCaptureStatusActive) {
        stream.captured.push_back(std::move(work));
        return cudaSuccess;
    }
    if (stream.error) return stream.error;
    stream.work.push_back(std::move(work));
    if (!config().lazy_streams) run_all(stream);
    return stream.error;
}

cudaError_t synchronize(emuStream& stream) {
    std::lock_guard<std::recursive_mutex> guard(stream.mutex);
    if (stream.capture == cudaStreamCaptureStatusActive) {
        stream.capture = cudaStreamCaptureStatusInvalidated;
        return cudaErrorStreamCaptureUnsupported;
    }
    run_all(stream);
    check_guards();
    const cudaError_t error = stream.error;
    stream.error = cudaSuccess;
    return error ? error : cudaPeekAtLastError();
}

}  // namespace

cudaError_t emu::enqueue(cudaStream_t stream, Launch launch) {
    if (!may_launch(launch)) return cudaErrorInvalidValue;
    return enqueue_work(stream, [launch = std::move(launch)] { return cudaError_t(emu::launch(launch)); });
}

// ---- streams ------------------------------------------------------------------------------------------------------

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
    if (const cudaError_t error = device_usable()) return error;
    auto made = std::make_shared<emuStream>();
    *stream = made.get();
    std::lock_guard<std::mutex> guard(registry().mutex);
    registry().streams.emplace(*stream, std::move(made));
    return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, cudaStreamDefault); }

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    if (const cudaError_t error = device_usable()) return error;
    if (!stream) return cudaErrorInvalidResourceHandle;
    run_all(*stream);
    std::lock_guard<std::mutex> guard(registry().mutex);
    registry().streams.erase(stream);
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    if (const cudaError_t error = device_usable()) return error;
    return synchronize(resolve(stream));
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
    if (const cudaError_t error = device_usable()) return error;
    emuStream& stream = resolve(handle);
    std::lock_guard<std::recursive_mutex> guard(stream.mutex);
    if (!stream.work.empty()) return cudaErrorNotReady;
    return stream.error;
}

cudaError_t cudaDeviceSynchronize() {
    if (const cudaError_t error = device_usable()) return error;
    std::vector<std::shared_ptr<emuStream>> streams;
    {
        std::lock_guard<std::mutex> guard(registry().mutex);
        for (const auto& [handle, stream] : registry().streams) streams.push_back(stream);
    }
    cudaError_t first = synchronize(registry().null_stream);
    for (const std::shared_ptr<emuStream>& stream : streams) {
        const cudaError_t error = synchronize(*stream);
        if (!first) first = error;
    }
    return first;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
    if (!event) return cudaErrorInvalidResourceHandle;
    return enqueue_work(stream, [event]() -> cudaError_t {
        if (event->recorded && !event->done && event->stream) run_all(*event->stream);
        return cudaSuccess;
    });
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, void (*function)(void*), void* argument) {
    if (!function) return cudaErrorInvalidValue;
    return enqueue_work(stream, [=] {
        function(argument);
        return cudaSuccess;
    });
}

// ---- copies -------------------------------------------------------------------------------------------------------

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
    if (bytes && (!to || !from)) return cudaErrorInvalidValue;
    return enqueue_work(stream, [=]() -> cudaError_t {
        if (!last_error().empty()) return cudaErrorLaunchFailure;
        if (bytes) memmove(to, from, bytes);
        return cudaSuccess;
    });
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
    const cudaError_t error = cudaMemcpyAsync(to, from, bytes, kind, nullptr);
    return error ? error : cudaStreamSynchronize(nullptr);
}

cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
    if (bytes && !to) return cudaErrorInvalidValue;
    return enqueue_work(stream, [=]() -> cudaError_t {
        if (!last_error().empty()) return cudaErrorLaunchFailure;
        if (bytes) memset(to, value, bytes);
        return cudaSuccess;
    });
}

cudaError_t cudaMemset(void* to, int value, size_t bytes) {
    const cudaError_t error = cudaMemsetAsync(to, value, bytes, nullptr);
    return error ? error : cudaStreamSynchronize(nullptr);
}

// ---- events -------------------------------------------------------------------------------------------------------

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
    if (const cudaError_t error = device_usable()) return error;
    *event = new emuEvent;
    (*event)->flags = flags;
    return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }

cudaError_t cudaEventDestroy(cudaEvent_t event) {
    if (!event) return cudaErrorInvalidResourceHandle;
    if (event->stream && event->recorded && !event->done) run_all(*event->stream);
    delete event;
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    if (!event) return cudaErrorInvalidResourceHandle;
    emuStream& where = resolve(stream);
    if (where.capture != cudaStreamCaptureStatusActive) {
        event->recorded = true;
        event->done = false;
        event->stream = &where;
    }
    return enqueue_work(stream, [event] {
        event->done = true;
        event->time = std::chrono::steady_clock::now();
        return cudaSuccess;
    });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    if (!event) return cudaErrorInvalidResourceHandle;
    if (event->recorded && !event->done) run_all(*event->stream);
    return cudaPeekAtLastError();
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
    if (!event) return cudaErrorInvalidResourceHandle;
    if (event->recorded && !event->done) return cudaErrorNotReady;
    return cudaPeekAtLastError();
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
    if (!start || !end || !start->recorded || !end->recorded || (start->flags | end->flags) & cudaEventDisableTiming)
        return cudaErrorInvalidResourceHandle;
    if (!start->done || !end->done) return cudaErrorNotReady;
    *milliseconds = std::chrono::duration<float, std::milli>(end->time - start->time).count();
    return cudaSuccess;
}

// ---- graphs -------------------------------------------------------------------------------------------------------

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
    if (const cudaError_t error = device_usable()) return error;
    if (!stream) return cudaErrorStreamCaptureUnsupported;      // the legacy stream cannot be captured
    std::lock_guard<std::recursive_mutex> guard(stream->mutex);
    if (stream->capture != cudaStreamCaptureStatusNone) return cudaErrorInvalidValue;
    stream->capture = cudaStreamCaptureStatusActive;
    stream->captured.clear();
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
    if (!stream) return cudaErrorInvalidResourceHandle;
    std::lock_guard<std::recursive_mutex> guard(stream->mutex);
    *graph = nullptr;
    const cudaStreamCaptureStatus status = stream->capture;
    stream->capture = cudaStreamCaptureStatusNone;
    if (status == cudaStreamCaptureStatusNone) return cudaErrorStreamCaptureUnmatched;
    if (status == cudaStreamCaptureStatusInvalidated) return cudaErrorStreamCaptureInvalidated;
    *graph = new emuGraph{std::move(stream->captured)};
    stream->captured.clear();
    return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
    if (const cudaError_t error = device_usable()) return error;
    *status = resolve(stream).capture;
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
    if (!graph) return cudaErrorInvalidValue;
    *executable = new emuGraphExec{graph->work};
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
    if (!executable) return cudaErrorInvalidValue;
    for (const Work& work : executable->work)
        if (const cudaError_t error = enqueue_work(stream, work)) return error;
    return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    delete graph;
    return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
    delete executable;
    return cudaSuccess;
}
