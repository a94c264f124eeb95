// Happens-before between the threads of a launch, by vector clocks, and the shadow of shared memory. Edges come only from what CUDA
// promises: block and named barriers, __syncwarp, mbarriers, cluster barriers, and fences around atomics in global memory.
// All functions do nothing unless the launch is race checked.
#pragma once
#include <cstdint>
#include <vector>

namespace emu {

struct Block;
struct Cluster;
struct Fiber;
struct MBarrier;

using Clock = uint32_t;
using Clocks = std::vector<Clock>;             // one entry per thread and mbarrier of the cluster

struct ThreadClock {
    Clocks now;
    Clock proxy_fence = 0;                     // own clock at the last fence.proxy.async
};

struct SyncClock {                             // what a barrier hands from those who arrive to those who wait
    Clocks joined;
    void clear() { joined.clear(); }
};

extern bool race_checked;

void race_begin(Cluster&);
void race_end(Cluster&);
void race_release(Fiber&, SyncClock&);
void race_acquire(Fiber&, const SyncClock&);
void race_proxy_fence(Fiber&);

enum class Proxy { generic, async };
// Addresses are those within the block's shared window.
void race_shared_read(Fiber&, Block&, uint32_t address, uint32_t bytes, const void* where, Proxy = Proxy::generic);
void race_shared_write(Fiber&, Block&, uint32_t address, uint32_t bytes, const void* where);
void race_copy_issued(Fiber&, Block&, uint32_t address, uint32_t bytes, const void* where);
void race_copy_landed(Fiber&, Block&, uint32_t address, uint32_t bytes, const void* where);           // cp.async: visible to the thread
void race_bulk_landed(MBarrier&, Block&, uint32_t address, uint32_t bytes, const void* where);        // TMA: visible through the barrier

}  // namespace emu
