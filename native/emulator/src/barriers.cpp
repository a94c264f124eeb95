// Block-wide and named barriers.
#include "state.h"

namespace emu {

static void complete(Block& owner, Barrier& barrier) {
    barrier.arrived = 0;
    barrier.reduced = barrier.reduction;
    barrier.reduction = 0;
    const auto waiting = std::move(barrier.waiting);
    barrier.waiting.clear();
    if (instrumented)
        for (Warp& warp : owner.warps)
            if ((warp.ready & (warp.ready - 1)) == 0) flush_log(warp);
    for (Fiber* fiber : waiting) {
        race_acquire(*fiber, barrier.clock);
        wake(*fiber);
    }
    barrier.clock.clear();
    owner.cluster->totals.barriers++;
}

// A thread that has ended no longer counts for __syncthreads.
void barrier_thread_exit(Block& owner) {
    Barrier& barrier = owner.barriers[0];
    if (barrier.expected < 0 && barrier.arrived && barrier.arrived >= int(owner.live)) complete(owner, barrier);
}

enum class Arrival { waits, passes };

static void arrive(int id, int threads, Arrival arrival, int value) {
    Block& owner = *block;
    if (id < 0 || id > 15) fault("named barrier %d does not exist", id);
    if (threads >= 0 && (threads == 0 || threads % 32)) fault("barrier %d with %d threads: not a multiple of the warp size", id, threads);
    Barrier& barrier = owner.barriers[id];
    if (barrier.arrived && barrier.expected != threads)
        fault("barrier %d: threads disagree on its size (%d, %d)", id, barrier.expected, threads);
    barrier.expected = threads;
    barrier.arrived++;
    barrier.reduction += value;
    race_release(*self, barrier.clock);
    const bool waits = arrival == Arrival::waits;
    if (waits) barrier.waiting.push_back(self);
    const int needed = threads < 0 ? int(owner.live) : threads;
    if (barrier.arrived < needed) {
        if (waits) block_here("bar.sync", uint64_t(id));
        return;
    }
    if (waits) {
        self->state = State::blocked;
        set_ready(*self, false);
    }
    complete(owner, barrier);
    if (waits) yield();
}

void bar_sync(int id, int threads) { arrive(id, threads, Arrival::waits, 0); }
void bar_arrive(int id, int threads) { arrive(id, threads, Arrival::passes, 0); }

int bar_reduce(int predicate) {
    arrive(0, -1, Arrival::waits, predicate != 0);
    return block->barriers[0].reduced;
}

}  // namespace emu
