// Happens-before between the threads of a launch, by vector clocks, and the shadows of shared and global memory. Edges come only from what
// CUDA promises: block, named and cluster barriers, __syncwarp, mbarriers, and, between blocks, fences around atomics in global memory.
// All functions do nothing unless the launch is race checked.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace emu {

struct Block;
struct Cluster;
struct Fiber;
struct MBarrier;

using Clock = uint32_t;
using Clocks = std::vector<Clock>;             // one entry per thread and mbarrier of a cluster

// What is known of several clusters (by index in the grid). Views are shared and never changed once shared.
using View = std::map<uint64_t, std::shared_ptr<const Clocks>>;
using SharedView = std::shared_ptr<const View>;

struct ThreadClock {
    Clocks now;                                // of the own cluster
    SharedView foreign;                        // of the others
    // __threadfence is a sequentially consistent fence: whatever happens before a fence is known after another one, if an atomic after the
    // first was observed before the second. Barriers may lie between fence and atomic, so both halves travel through them.
    SharedView fenced;                         // everything known at fences so far: what an atomic hands on
    SharedView observed;                       // handed over by atomics: known after the next fence
    Clock proxy_fence = 0;                     // own clock at the last fence.proxy.async
};

struct SyncClock {                             // what a barrier hands from those who arrive to those who wait
    Clocks joined;
    SharedView foreign;
    SharedView fenced;
    SharedView observed;
    void clear() { *this = {}; }
};

extern bool race_checked;

void race_launch();                            // a launch begins: it is ordered after everything before
void race_begin(Cluster&);
void race_end(Cluster&);
void race_release(Fiber&, SyncClock&);
void race_acquire(Fiber&, const SyncClock&);
void race_proxy_fence(Fiber&);

bool happened_before(const Fiber&, uint64_t cluster, uint32_t agent, Clock);

// ---- shared memory; addresses are those within the block's shared window
enum class Proxy { generic, async };
void race_shared_read(Fiber&, Block&, uint32_t address, uint32_t bytes, const void* where, Proxy = Proxy::generic);
void race_shared_write(Fiber&, Block&, uint32_t address, uint32_t bytes, const void* where);
void race_copy_issued(Fiber&, Block&, uint32_t address, uint32_t bytes, const void* where);
void race_copy_landed(Fiber&, Block&, uint32_t address, uint32_t bytes, const void* where);           // cp.async: visible to the thread
void race_bulk_landed(MBarrier&, Block&, uint32_t address, uint32_t bytes, const void* where);        // TMA: visible through the barrier

// ---- global memory
enum class Order;
enum class Touch : uint8_t { read, write, atomic };
void race_global(Fiber&, const void* address, uint32_t bytes, Touch, const void* where);
void race_atomic_order(Fiber&, const void* address, Touch, Order);    // hands views on through an atomic or a strong access
void race_thread_fence(Fiber&);

}  // namespace emu
