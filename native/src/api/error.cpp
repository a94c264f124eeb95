#include "api/error.h"

namespace lsk {

static std::string& last_error() {
    static thread_local std::string text;
    return text;
}

lsk_status record_failure(lsk_status status, const char* text) noexcept {
    try {
        last_error() = text;
    } catch (...) {
        last_error().clear();  // no memory for the text: the status still tells
    }
    return status;
}

void clear_failure() noexcept { last_error().clear(); }

}  // namespace lsk

extern "C" const char* lsk_last_error(void) { return lsk::last_error().c_str(); }
