// mbarriers: phases, arrivals and transaction bytes.
#include "state.h"

namespace emu {

static const uint64_t barrier_mark = 0xba881e8ba881e800ull;   // what the 8 bytes hold while the barrier lives

static MBarrier* lookup(Block& owner, uint32_t address) {
    for (MBarrier& barrier : owner.mbarriers)
        if (barrier.valid && barrier.address == address) return &barrier;
    return nullptr;
}

static uint32_t index_of(const Block& owner, const MBarrier& barrier) {
    return barrier.agent - owner.cluster->threads - owner.rank * max_mbarriers;
}

static MBarrier& find(Block& owner, uint32_t address, const char* what) {
    MBarrier* barrier = lookup(owner, address);
    if (!barrier) fault("%s: no mbarrier was initialised at 0x%x", what, address);
    uint64_t mark;
    memcpy(&mark, owner.shared(address, 8, what), 8);
    if (mark != (barrier_mark | index_of(owner, *barrier))) fault("%s: mbarrier 0x%x was overwritten", what, address);
    return *barrier;
}

void mbarrier_init(uint32_t address, uint32_t count) {
    Block& owner = *block;
    char* storage = owner.shared(address, 8, "mbarrier.init");
    if (address % 8) fault("mbarrier at 0x%x is not 8-byte aligned", address);
    if (!count || count >= 1u << 20) fault("mbarrier count %u", count);
    if (lookup(owner, address)) fault("mbarrier 0x%x initialised twice", address);
    if (owner.mbarriers.size() == max_mbarriers) fault("more than %u mbarriers", max_mbarriers);
    const uint32_t index = uint32_t(owner.mbarriers.size());
    MBarrier& barrier = owner.mbarriers.emplace_back();
    barrier.block = &owner;
    barrier.address = address;
    barrier.count = count;
    barrier.pending = count;
    barrier.agent = owner.cluster->threads + owner.rank * max_mbarriers + index;
    race_shared_write(*self, owner, address, 8, EMU_CALLER);
    const uint64_t mark = barrier_mark | index;
    memcpy(storage, &mark, 8);
}

void mbarrier_invalidate(uint32_t address) {
    find(*block, address, "mbarrier.inval").valid = false;
    race_shared_write(*self, *block, address, 8, EMU_CALLER);
    memset(block->arena + address, 0xff, 8);
}

void fence_mbarrier_init() {
    for (MBarrier& barrier : block->mbarriers) barrier.fenced = true;
}

void fence_proxy_async() {
    fence_mbarrier_init();
    race_proxy_fence(*self);
}

static void advance(MBarrier& barrier) {
    if (barrier.pending || barrier.transactions) return;
    barrier.phase++;
    barrier.pending = barrier.count;
    barrier.completed = std::move(barrier.clock);
    barrier.clock.clear();
    const auto waiting = std::move(barrier.waiting);
    barrier.waiting.clear();
    for (Fiber* fiber : waiting) wake(*fiber);
}

void mbarrier_expect_tx(uint32_t address, uint32_t bytes) { find(*block, address, "mbarrier.expect_tx").transactions += bytes; }

static void arrive(Block& owner, uint32_t address, uint32_t bytes, const void* where) {
    MBarrier& barrier = find(owner, address, "mbarrier.arrive");
    race_shared_read(*self, owner, address, 8, where);      // its initialisation must be visible to the arriving thread
    if (!barrier.pending) fault("mbarrier 0x%x: more arrivals in phase %u than its count %u", address, barrier.phase, barrier.count);
    race_release(*self, barrier.clock);
    barrier.transactions += bytes;
    barrier.pending--;
    advance(barrier);
    preempt();
}

void mbarrier_arrive(uint32_t address, uint32_t bytes) { arrive(*block, address, bytes, EMU_CALLER); }

void mbarrier_arrive_cluster(uint32_t address) {
    const ClusterAddress at = resolve_cluster(address, "mbarrier.arrive");
    arrive(at.block, at.local, 0, EMU_CALLER);
}

bool mbarrier_try_wait(uint32_t address, uint32_t parity) {
    MBarrier& barrier = find(*block, address, "mbarrier.try_wait");
    race_shared_read(*self, *block, address, 8, EMU_CALLER);
    if ((barrier.phase & 1) == (parity & 1)) {
        barrier.waiting.push_back(self);
        block_here("mbarrier.try_wait", address << 1 | (parity & 1));
        return false;
    }
    race_acquire(*self, barrier.completed);
    return true;
}

void mbarrier_wait(uint32_t address, uint32_t parity) {
    while (!mbarrier_try_wait(address, parity)) {
    }
}

MBarrier& find_fenced(Block& owner, uint32_t address, const char* what) {
    MBarrier& barrier = find(owner, address, what);
    if (!barrier.fenced) fault("%s: mbarrier 0x%x used by the async proxy before fence.mbarrier_init / fence.proxy.async", what, address);
    return barrier;
}

void complete_transactions(MBarrier& barrier, uint32_t bytes) {
    barrier.transactions -= bytes;
    advance(barrier);
}

}  // namespace emu
