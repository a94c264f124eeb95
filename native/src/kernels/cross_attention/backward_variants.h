// The compiled variants of the backward kernels: one function a kernel, size and storage type, so that each compiles in a file of its own.
#pragma once
#include "kernels/cross_attention/backward.h"

namespace lsk::backward {

// Of an arrangement with so many row groups.
template <class Element, int RowGroups>
cudaError_t launch_rows(const ResidentArrangement& arrangement, const CrossAttentionBackwardParams& params, cudaStream_t stream);

template <class Element>
cudaError_t launch_tokens(const TokenArrangement& arrangement, const CrossAttentionBackwardParams& params, cudaStream_t stream);

}  // namespace lsk::backward
