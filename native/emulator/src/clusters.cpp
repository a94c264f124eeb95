// Thread block clusters: the cluster barrier and distributed shared memory.
#include "state.h"

namespace emu {

uint32_t cluster_rank() { return block->rank; }

uint32_t cluster_blocks() { return uint32_t(block->cluster->blocks.size()); }

uint32_t map_shared(uint32_t address, uint32_t rank) {
    if (rank >= cluster_blocks()) fault("mapa: block %u is not in the cluster of %u", rank, cluster_blocks());
    if (address >> cluster_rank_shift) fault("mapa: 0x%x is already an address of the cluster", address);
    return (rank + 1) << cluster_rank_shift | address;
}

ClusterAddress resolve_cluster(uint32_t address, const char* what) {
    const uint32_t rank = address >> cluster_rank_shift;
    Block& target = rank ? block->cluster->blocks[rank - 1] : *block;
    if (!target.live) fault("%s: block %u of the cluster has ended, and its shared memory with it", what, target.rank);
    return {target, address & ((1u << cluster_rank_shift) - 1)};
}

static char* access(uint32_t address, uint32_t bytes, bool write, const char* what, const void* where) {
    const ClusterAddress at = resolve_cluster(address, what);
    char* pointer = at.block.shared(at.local, bytes, what);
    if (at.local % bytes) fault("%s: address 0x%x is misaligned", what, at.local);
    if (write)
        race_shared_write(*self, at.block, at.local, bytes, where);
    else
        race_shared_read(*self, at.block, at.local, bytes, where);
    return pointer;
}

void load_cluster(uint32_t address, void* value, uint32_t bytes) {
    memcpy(value, access(address, bytes, false, "ld.shared::cluster", EMU_CALLER), bytes);
}

void store_cluster(uint32_t address, const void* value, uint32_t bytes) {
    memcpy(access(address, bytes, true, "st.shared::cluster", EMU_CALLER), value, bytes);
}

void store_async(uint32_t address, const void* value, uint32_t bytes, uint32_t barrier_address) {
    const void* where = EMU_CALLER;
    const ClusterAddress at = resolve_cluster(address, "st.async");
    const ClusterAddress barrier_at = resolve_cluster(barrier_address, "st.async");
    if (&at.block != &barrier_at.block) fault("st.async: the data and the mbarrier lie in different blocks");
    char* pointer = at.block.shared(at.local, bytes, "st.async");
    MBarrier& barrier = find_fenced(at.block, barrier_at.local, "st.async");
    race_copy_issued(*self, at.block, at.local, bytes, where);
    memset(pointer, 0xff, bytes);
    uint64_t words[2] = {};
    memcpy(words, value, bytes);
    AsyncCopy copy;
    copy.land = [=, &barrier, target = &at.block] {
        memcpy(pointer, words, bytes);
        race_bulk_landed(barrier, *target, at.local, bytes, where);
        complete_transactions(barrier, bytes);
    };
    block->cluster->copies.push_back(std::move(copy));
    preempt();
}

// ---- barrier.cluster ----------------------------------------------------------------------------------------------------

static void complete(ClusterBarrier& barrier) {
    barrier.arrived = 0;
    barrier.phase++;
    barrier.completed = std::move(barrier.clock);
    barrier.clock.clear();
    const auto waiting = std::move(barrier.waiting);
    barrier.waiting.clear();
    for (Fiber* fiber : waiting) wake(*fiber);
}

void cluster_arrive() {
    Fiber& fiber = *self;
    ClusterBarrier& barrier = block->cluster->barrier;
    if (fiber.arrived_at_cluster) fault("barrier.cluster.arrive twice without a wait between");
    fiber.arrived_at_cluster = true;
    fiber.cluster_phase = barrier.phase;
    race_release(fiber, barrier.clock);
    if (++barrier.arrived == block->cluster->live) complete(barrier);
    preempt();
}

void cluster_wait() {
    Fiber& fiber = *self;
    ClusterBarrier& barrier = block->cluster->barrier;
    if (!fiber.arrived_at_cluster) fault("barrier.cluster.wait without an arrive");
    while (barrier.phase == fiber.cluster_phase) {
        barrier.waiting.push_back(&fiber);
        block_here("barrier.cluster.wait");
    }
    race_acquire(fiber, barrier.completed);
    fiber.arrived_at_cluster = false;
}

void cluster_thread_exit(Cluster& cluster) {
    if (cluster.barrier.arrived && cluster.barrier.arrived == cluster.live) complete(cluster.barrier);
}

}  // namespace emu
