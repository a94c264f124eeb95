// For tests of the emulator itself: launches that must fail, and settings that hold for one test.
#pragma once
#include "support.h"

namespace lsk::test {

// Restores the settings, and makes the device usable again, when a test ends.
class Settings {
public:
    Settings() : before_(emu::config()) { emu::config().quiet = true; }
    ~Settings() {
        emu::config() = before_;
        emu::clear_error();
    }
    Settings(const Settings&) = delete;
    Settings& operator=(const Settings&) = delete;

private:
    emu::Config before_;
};

// The launch is a fault whose message holds `text`.
template <class... Parameters, class... Arguments>
void expect_fault(const char* text, const Grid& grid, void (*kernel)(Parameters...), const Arguments&... arguments) {
    emu::clear_error();
    CAPTURE(text);
    CHECK(try_run(grid, kernel, arguments...) == cudaErrorLaunchFailure);
    const std::string message = emu::last_error();
    CHECK_MESSAGE(message.find(text) != std::string::npos, "the message was: ", message);
    emu::clear_error();
}

template <class... Parameters, class... Arguments>
void expect_clean(const Grid& grid, void (*kernel)(Parameters...), const Arguments&... arguments) {
    emu::clear_error();
    const cudaError_t error = try_run(grid, kernel, arguments...);
    CHECK_MESSAGE(error == cudaSuccess, emu::last_error());
    emu::clear_error();
}

}  // namespace lsk::test
