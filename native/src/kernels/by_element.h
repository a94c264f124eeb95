// From a storage type known at run time to one known at compile time.
#pragma once
#include <cuda_runtime.h>
#include "device/storage_types.h"
#include "longseqkernels/lsk.h"

namespace lsk {

// Calls `run` with a value of the element type.
template <class Run>
cudaError_t by_element(int dtype, Run&& run) {
    switch (dtype) {
    case LSK_FLOAT32: return run(float{});
    case LSK_BFLOAT16: return run(bf16{});
    case LSK_FLOAT16: return run(fp16{});
    default: return cudaErrorInvalidValue;
    }
}

inline unsigned blocks_of(int64_t items, int64_t items_per_block) { return static_cast<unsigned>((items + items_per_block - 1) / items_per_block); }

}  // namespace lsk
