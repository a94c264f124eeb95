#include "api/check.h"

#include <cmath>
#include "api/error.h"

namespace lsk {

constexpr int64_t max_rows = int64_t(1) << 40;

void fail_argument(const std::string& argument, const std::string& was, const std::string& must) {
    throw Failure(LSK_INVALID_ARGUMENT, argument + " was " + was + " but must be " + must + ".");
}

void check_extent(const char* argument, int32_t value, int32_t least, int32_t most) {
    if (value < least || value > most)
        fail_argument(argument, std::to_string(value), "from " + std::to_string(least) + " to " + std::to_string(most));
}

void check_choice(const char* argument, int32_t value, int32_t choices) {
    if (value < 0 || value >= choices) fail_argument(argument, std::to_string(value), "from 0 to " + std::to_string(choices - 1));
}

void check_finite(const char* argument, float value) {
    if (!std::isfinite(value)) fail_argument(argument, std::to_string(value), "finite");
}

void check_finite_not_negative(const char* argument, float value) {
    if (!std::isfinite(value) || value < 0) fail_argument(argument, std::to_string(value), "finite and not negative");
}

void check_finite_positive(const char* argument, float value) {
    if (!std::isfinite(value) || value <= 0) fail_argument(argument, std::to_string(value), "finite and greater than 0");
}

void check_reserved(const char* argument, int32_t value) {
    if (value != 0) fail_argument(argument, std::to_string(value), "0");
}

int64_t dtype_bytes(int32_t dtype) { return dtype == LSK_FLOAT32 ? 4 : 2; }

const char* dtype_name(int32_t dtype) { return dtype == LSK_FLOAT32 ? "fp32" : dtype == LSK_BFLOAT16 ? "bf16" : "fp16"; }

void check_offsets(const char* argument, const int64_t* offsets, int64_t segments) {
    if (segments < 0 || segments > max_extent) fail_argument("segments", std::to_string(segments), "from 0 to " + std::to_string(max_extent));
    if (!offsets) fail_argument(argument, "NULL", "host memory of segments + 1 offsets");
    if (offsets[0] != 0) fail_argument(std::string(argument) + "[0]", std::to_string(offsets[0]), "0");
    for (int64_t i = 1; i <= segments; i++)
        if (offsets[i] < offsets[i - 1])
            fail_argument(std::string(argument) + "[" + std::to_string(i) + "]", std::to_string(offsets[i]),
                          "at least its predecessor, " + std::to_string(offsets[i - 1]));
    if (offsets[segments] > max_rows)
        fail_argument(std::string(argument) + "[" + std::to_string(segments) + "]", std::to_string(offsets[segments]),
                      "at most " + std::to_string(max_rows));
}

static void check_alignment(const char* argument, const void* pointer, int64_t element_bytes) {
    const auto address = reinterpret_cast<uintptr_t>(pointer);
    if (address % static_cast<uintptr_t>(element_bytes) != 0)
        fail_argument(argument, "a pointer at " + std::to_string(address % static_cast<uintptr_t>(element_bytes)) + " bytes past its alignment",
                      "aligned to " + std::to_string(element_bytes) + " bytes");
}

void check_tensor(const char* argument, const void* pointer, int64_t elements, int64_t element_bytes) {
    if (!pointer && elements > 0) fail_argument(argument, "NULL", "device memory of " + std::to_string(elements) + " elements");
    check_alignment(argument, pointer, element_bytes);
}


void check_absent(const char* argument, const void* pointer, const char* why) {
    if (pointer) fail_argument(argument, "a tensor", std::string("NULL: ") + why);
}

void check_struct_size(const char* argument, const void* structure, uint32_t struct_size, uint32_t expected) {
    if (!structure) fail_argument(argument, "NULL", "a struct of " + std::to_string(expected) + " bytes");
    if (struct_size != expected)
        fail_argument(std::string(argument) + ".struct_size", std::to_string(struct_size),
                      std::to_string(expected) + " (was the caller compiled with another version of the header?)");
}

}  // namespace lsk
