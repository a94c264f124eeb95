#include "api/handles.h"

#include <shared_mutex>
#include <unordered_map>
#include "api/cublaslt.h"
#include "api/error.h"

namespace lsk {

namespace {
struct Registry {
    std::shared_mutex mutex;
    std::unordered_map<const void*, HandleKind> live;
};

// Never destroyed: handles may outlive the library's static objects when a process exits.
Registry& registry() {
    static auto* instance = new Registry;
    return *instance;
}
}  // namespace

const char* handle_name(HandleKind kind) {
    switch (kind) {
    case HandleKind::context: return "context";
    case HandleKind::stream: return "stream";
    case HandleKind::event: return "event";
    case HandleKind::buffer: return "buffer";
    case HandleKind::plan: return "plan";
    case HandleKind::graph: return "graph";
    }
    return "handle";
}

void register_handle(const void* handle, HandleKind kind) {
    std::unique_lock lock(registry().mutex);
    registry().live[handle] = kind;
}

void unregister_handle(const void* handle) {
    std::unique_lock lock(registry().mutex);
    registry().live.erase(handle);
}

void check_handle(const char* argument, const void* handle, HandleKind kind) {
    if (!handle) fail_argument(argument, "NULL", std::string("a ") + handle_name(kind));
    std::shared_lock lock(registry().mutex);
    const auto found = registry().live.find(handle);
    if (found == registry().live.end())
        fail_argument(argument, "no live handle of this library (destroyed, or never made here)", std::string("a ") + handle_name(kind));
    if (found->second != kind) fail_argument(argument, std::string("a ") + handle_name(found->second), std::string("a ") + handle_name(kind));
}

}  // namespace lsk

using lsk::Failure;

void lsk_context::make_current() {
    throw_if_lost();
    check(cudaSetDevice(device), "selecting the device");
}

void lsk_context::throw_if_lost() {
    if (!is_lost_.load(std::memory_order_acquire)) return;
    std::lock_guard lock(mutex_);
    throw Failure(LSK_CONTEXT_LOST, lost_);
}

static bool loses_context(cudaError_t error) {
    return error == cudaErrorLaunchFailure || error == cudaErrorIllegalAddress || error == cudaErrorMisalignedAddress ||
           error == cudaErrorIllegalInstruction || error == cudaErrorLaunchTimeout || error == cudaErrorHardwareStackError ||
           error == cudaErrorInvalidAddressSpace || error == cudaErrorInvalidPc || error == cudaErrorAssert || error == cudaErrorECCUncorrectable;
}

void lsk_context::check(cudaError_t error, const char* what) {
    if (error == cudaSuccess) return;
    cudaGetLastError();  // an error that is not sticky must not reappear at the next call
    const std::string text = std::string(what) + " failed: CUDA error " + std::to_string(static_cast<int>(error)) + ", " + cudaGetErrorString(error) + ".";
    if (error == cudaErrorMemoryAllocation) throw Failure(LSK_OUT_OF_MEMORY, text);
    if (!loses_context(error)) throw Failure(LSK_DEVICE_ERROR, text);
    std::lock_guard lock(mutex_);
    if (!is_lost_.load(std::memory_order_relaxed)) {
        lost_ = text + " The context is lost; destroy it and everything made with it.";
        is_lost_.store(true, std::memory_order_release);
    }
    throw Failure(LSK_CONTEXT_LOST, lost_);
}

std::shared_ptr<const lsk::Cublaslt> lsk_context::cublaslt(std::string& why_not) {
    std::call_once(cublaslt_asked_, [this] {
        make_current();
        cublaslt_ = lsk::Cublaslt::load(no_cublaslt_);
    });
    why_not = no_cublaslt_;
    return cublaslt_;
}

// Errors while freeing are those of earlier work, which has been or will be reported by a call that can.
lsk_stream::~lsk_stream() {
    if (handle && owned) cudaStreamDestroy(handle);
}

lsk_event::~lsk_event() {
    if (handle) cudaEventDestroy(handle);
}

lsk_buffer::~lsk_buffer() {
    if (!pointer) return;
    if (memory == LSK_MEMORY_PINNED)
        cudaFreeHost(pointer);
    else
        cudaFree(pointer);
}

lsk_graph::~lsk_graph() {
    if (executable) cudaGraphExecDestroy(executable);
    if (graph) cudaGraphDestroy(graph);
}
