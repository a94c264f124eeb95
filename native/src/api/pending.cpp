// Operations whose kernels have not landed: each is removed from here by the commit that brings it.
#include "api/error.h"

using namespace lsk;

static lsk_status not_built(const char* operation) {
    return guarded([&] { throw Failure(LSK_UNSUPPORTED, std::string(operation) + " has no kernel in this build."); });
}

