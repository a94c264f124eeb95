// What every plan and every run does first and last.
#pragma once
#include <memory>
#include <typeinfo>
#include "api/check.h"
#include "api/error.h"
#include "api/handles.h"

namespace lsk {

// Makes a plan and hands it over: `make` fills it, after the arguments have been checked.
template <class Plan, class Make>
lsk_status make_plan(lsk_context* context, lsk_plan** result, Make&& make) {
    return guarded([&] {
        checked_handle("context", context);
        check_result("plan", result);
        *result = nullptr;
        context->throw_if_lost();
        auto plan = std::make_unique<Plan>(context);
        make(*plan);
        register_handle(static_cast<lsk_plan*>(plan.get()), HandleKind::plan);
        *result = plan.release();
    });
}

// One run of a plan: its checked handles, its workspace, its stream.
template <class Plan>
class Run {
public:
    Run(lsk_plan* plan, lsk_direction direction, lsk_buffer* workspace, lsk_stream* stream) {
        checked_handle("plan", plan);
        plan_ = dynamic_cast<const Plan*>(plan);
        if (!plan_) fail_argument("plan", std::string("a plan of ") + plan->operation, std::string("a plan of ") + Plan::operation_name);
        stream_ = checked_handle("stream", stream, plan->context)->handle;
        const int64_t needed = direction == LSK_FORWARD ? plan->forward_workspace : plan->backward_workspace;
        if (needed > 0) {
            checked_handle("workspace", workspace, plan->context);
            if (workspace->memory != LSK_MEMORY_WORKSPACE) fail_argument("workspace", "a buffer of another kind", "a buffer of LSK_MEMORY_WORKSPACE");
            if (workspace->bytes < needed)
                fail_argument("workspace", "a buffer of " + std::to_string(workspace->bytes) + " bytes", "at least " + std::to_string(needed) + " bytes");
            workspace_ = workspace->pointer;
        }
        plan->context->make_current();
    }

    const Plan& plan() const { return *plan_; }
    cudaStream_t stream() const { return stream_; }
    std::byte* workspace() const { return static_cast<std::byte*>(workspace_); }

    // Reports the outcome of a launch.
    void check(cudaError_t error, const char* what = "launching a kernel") const { plan_->context->check(error, what); }

private:
    const Plan* plan_ = nullptr;
    cudaStream_t stream_ = nullptr;
    void* workspace_ = nullptr;
};

// Workspaces begin with tickets of runs whose parts are merged by the last to arrive; they are zero before and after every run.
constexpr int64_t workspace_ticket_bytes = 16384;
constexpr int64_t workspace_tickets = workspace_ticket_bytes / 4;

}  // namespace lsk
