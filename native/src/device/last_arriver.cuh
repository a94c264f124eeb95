// The end of a launch whose blocks share a result: the block that comes last finishes it, in the same launch and in a fixed order.
#pragma once
#include "device/ptx.cuh"

namespace lsk {

// Called by all threads of a block when its partial results are stored. True in the block that arrives last of `arrivals`, which then sees what
// all others stored. The ticket starts at 0, and is 0 again for the next launch.
LSK_DEVICE bool arrives_last(unsigned* ticket, unsigned arrivals) {
    __syncthreads();  // the whole block has stored: the release below speaks for all of it
    int last = 0;
    if (threadIdx.x == 0) {
        last = ptx::atomic_add_acq_rel_gpu(ticket, 1u) == arrivals - 1;
        if (last) ptx::store_relaxed_gpu(ticket, 0u);
    }
    return __syncthreads_or(last);
}

}  // namespace lsk
