// The objects behind the opaque handles. Every live handle is registered, so that a foreign or destroyed one is an error and not a crash.
#pragma once
#include <cuda_runtime.h>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>
#include "api/check.h"
#include "longseqkernels/lsk.h"

namespace lsk {

enum class HandleKind { context, stream, event, buffer, plan, graph };

const char* handle_name(HandleKind kind);
void register_handle(const void* handle, HandleKind kind);
void unregister_handle(const void* handle);
void check_handle(const char* argument, const void* handle, HandleKind kind);

class Cublaslt;

}  // namespace lsk

struct lsk_context {
    static constexpr lsk::HandleKind kind = lsk::HandleKind::context;

    int device = 0;
    int compute_capability = 0;
    int multiprocessors = 0;
    int shared_memory_per_block = 0;
    int64_t memory_bytes = 0;
    int64_t l2_bytes = 0;
    int driver_version = 0;
    int runtime_version = 0;
    std::string name;
    std::atomic<int> children{0};

    void make_current();
    void throw_if_lost();
    // Turns a CUDA error into a Failure; one that CUDA cannot recover from is remembered.
    void check(cudaError_t error, const char* what);
    // cuBLASLt, loaded when it is first asked for; null where there is none, and why.
    std::shared_ptr<const lsk::Cublaslt> cublaslt(std::string& why_not);

private:
    std::once_flag cublaslt_asked_;
    std::shared_ptr<const lsk::Cublaslt> cublaslt_;
    std::string no_cublaslt_;
    std::mutex mutex_;
    std::string lost_;
    std::atomic<bool> is_lost_{false};
};

namespace lsk {

// What every handle but the context has: its context, which it keeps from being destroyed.
class Child {
public:
    explicit Child(lsk_context* owner) : context(owner) { context->children++; }
    ~Child() { context->children--; }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    lsk_context* const context;
};

}  // namespace lsk

struct lsk_stream : lsk::Child {
    static constexpr lsk::HandleKind kind = lsk::HandleKind::stream;
    using Child::Child;
    cudaStream_t handle = nullptr;
    bool owned = false;
    ~lsk_stream();
};

struct lsk_event : lsk::Child {
    static constexpr lsk::HandleKind kind = lsk::HandleKind::event;
    using Child::Child;
    cudaEvent_t handle = nullptr;
    ~lsk_event();
};

struct lsk_buffer : lsk::Child {
    static constexpr lsk::HandleKind kind = lsk::HandleKind::buffer;
    using Child::Child;
    void* pointer = nullptr;
    int64_t bytes = 0;
    lsk_memory memory = LSK_MEMORY_DEVICE;
    ~lsk_buffer();
};

struct lsk_graph : lsk::Child {
    static constexpr lsk::HandleKind kind = lsk::HandleKind::graph;
    using Child::Child;
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t executable = nullptr;
    ~lsk_graph();
};

// Each operation derives its own plan, immutable once made.
struct lsk_plan : lsk::Child {
    static constexpr lsk::HandleKind kind = lsk::HandleKind::plan;
    explicit lsk_plan(lsk_context* owner, const char* operation_name) : Child(owner), operation(operation_name) {}
    virtual ~lsk_plan() = default;

    const char* const operation;
    std::string explanation;
    int64_t forward_workspace = 0;
    int64_t backward_workspace = 0;
};

namespace lsk {

template <class Handle>
Handle* checked_handle(const char* argument, Handle* handle) {
    check_handle(argument, handle, Handle::kind);
    return handle;
}

// A child must belong to the context that the call works on.
template <class Handle>
Handle* checked_handle(const char* argument, Handle* handle, const lsk_context* context) {
    check_handle(argument, handle, Handle::kind);
    if (handle->context != context) fail_argument(argument, std::string("a ") + handle_name(Handle::kind) + " of another context", "one of the same context");
    return handle;
}

// Device memory that a plan owns.
template <class Element>
class DeviceArray {
public:
    DeviceArray() = default;
    DeviceArray(lsk_context* context, const std::vector<Element>& host) {
        if (host.empty()) return;
        context->make_current();
        void* pointer = nullptr;
        context->check(cudaMalloc(&pointer, host.size() * sizeof(Element)), "allocating a plan's tables");
        data_ = static_cast<Element*>(pointer);
        context->check(cudaMemcpy(data_, host.data(), host.size() * sizeof(Element), cudaMemcpyHostToDevice), "uploading a plan's tables");
    }
    ~DeviceArray() { reset(); }
    DeviceArray(DeviceArray&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
    DeviceArray& operator=(DeviceArray&& other) noexcept {
        reset();
        data_ = std::exchange(other.data_, nullptr);
        return *this;
    }

    const Element* data() const { return data_; }

private:
    void reset() {
        if (data_) cudaFree(data_);
        data_ = nullptr;
    }
    Element* data_ = nullptr;
};

}  // namespace lsk
