// A refused call: its status, and the part of the text that tells what was wrong.
#pragma once
#include <doctest/doctest.h>
#include <string>
#include "longseqkernels/lsk.h"

namespace lsk::test {

inline void refused(lsk_status status, lsk_status expected, const char* part) {
    const std::string text = lsk_last_error();
    CHECK(status == expected);
    CHECK_MESSAGE(text.find(part) != std::string::npos, "\"" << text << "\" does not say \"" << part << "\"");
}

}  // namespace lsk::test
