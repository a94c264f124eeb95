// Failures inside the library are exceptions; at the C ABI they become a status and a thread-local text.
#pragma once
#include <exception>
#include <new>
#include <string>
#include <utility>
#include "longseqkernels/lsk.h"

namespace lsk {

class Failure : public std::exception {
public:
    Failure(lsk_status status, std::string text) : status_(status), text_(std::move(text)) {}
    lsk_status status() const { return status_; }
    const char* what() const noexcept override { return text_.c_str(); }

private:
    lsk_status status_;
    std::string text_;
};

// Remembers the text of this thread's last failure; never throws.
lsk_status record_failure(lsk_status status, const char* text) noexcept;
void clear_failure() noexcept;

// Runs the body of an exported function.
template <class Body>
lsk_status guarded(Body&& body) noexcept {
    clear_failure();
    try {
        body();
        return LSK_OK;
    } catch (const Failure& failure) {
        return record_failure(failure.status(), failure.what());
    } catch (const std::bad_alloc&) {
        return record_failure(LSK_OUT_OF_MEMORY, "host memory is exhausted");
    } catch (const std::exception& unexpected) {
        return record_failure(LSK_DEVICE_ERROR, unexpected.what());
    }
}

}  // namespace lsk
