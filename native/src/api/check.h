// Argument checks: which argument, what it was, what it must be. Used before any work.
#pragma once
#include <cstdint>
#include <string>
#include "longseqkernels/lsk.h"

namespace lsk {

// Widths and counts above this are taken for a mistake; products of two stay within int64 by far.
constexpr int32_t max_extent = 1 << 24;

[[noreturn]] void fail_argument(const std::string& argument, const std::string& was, const std::string& must);

void check_extent(const char* argument, int32_t value, int32_t least = 1, int32_t most = max_extent);
void check_choice(const char* argument, int32_t value, int32_t choices);
void check_finite(const char* argument, float value);
void check_finite_not_negative(const char* argument, float value);
void check_finite_positive(const char* argument, float value);
void check_reserved(const char* argument, int32_t value);

int64_t dtype_bytes(int32_t dtype);
const char* dtype_name(int32_t dtype);

// A ragged layout in host memory: [segments + 1], from 0, never decreasing, below 2^40 rows.
void check_offsets(const char* argument, const int64_t* offsets, int64_t segments);

// Device pointers: null and alignment. `elements` 0 allows null, as an empty tensor has no memory.
void check_tensor(const char* argument, const void* pointer, int64_t elements, int64_t element_bytes);
void check_absent(const char* argument, const void* pointer, const char* why);

void check_struct_size(const char* argument, const void* structure, uint32_t struct_size, uint32_t expected);

// The caller's struct, after its presence and size have been checked.
template <class Struct>
const Struct& checked(const char* argument, const Struct* structure) {
    check_struct_size(argument, structure, structure ? structure->struct_size : 0, sizeof(Struct));
    return *structure;
}

template <class Pointer>
void check_result(const char* argument, Pointer* result) {
    if (!result) fail_argument(argument, "NULL", "a place for the result");
}

}  // namespace lsk
