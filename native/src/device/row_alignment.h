// How the rows of a tensor may be read and written; decided on the host.
#pragma once
#include <cstdint>
#include <initializer_list>

namespace lsk {

// Whether rows can be copied 16 bytes at a time.
enum class RowAlignment { elements, chunks };

// Of tensors whose rows are all `row_bytes` long and follow each other without a gap; absent ones do not matter.
inline RowAlignment row_alignment(int64_t row_bytes, std::initializer_list<const void*> tensors) {
    uintptr_t address = 0;
    for (const void* tensor : tensors) address |= reinterpret_cast<uintptr_t>(tensor);
    return row_bytes % 16 == 0 && address % 16 == 0 ? RowAlignment::chunks : RowAlignment::elements;
}

// The smallest power of 2 of lanes, at most a warp, that has a 16-byte chunk of a row each.
inline int lanes_per_row(int64_t row_bytes) {
    int lanes = 1;
    while (lanes < 32 && lanes * int64_t(16) < row_bytes) lanes *= 2;
    return lanes;
}

}  // namespace lsk
