// What all plans have in common.
#include "api/error.h"
#include "api/handles.h"

using namespace lsk;

extern "C" lsk_status lsk_plan_workspace_bytes(lsk_plan* plan, int32_t direction, int64_t* bytes) {
    return guarded([&] {
        checked_handle("plan", plan);
        check_choice("direction", direction, LSK_BACKWARD + 1);
        check_result("bytes", bytes);
        *bytes = direction == LSK_FORWARD ? plan->forward_workspace : plan->backward_workspace;
    });
}

extern "C" lsk_status lsk_plan_explain(lsk_plan* plan, const char** text) {
    return guarded([&] {
        checked_handle("plan", plan);
        check_result("text", text);
        *text = plan->explanation.c_str();
    });
}

extern "C" lsk_status lsk_plan_destroy(lsk_plan* plan) {
    return guarded([&] {
        if (!plan) return;
        checked_handle("plan", plan);
        unregister_handle(plan);
        delete plan;
    });
}
