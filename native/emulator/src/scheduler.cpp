// Runs the fibers of one cluster until all have ended, or one has failed.
#include <algorithm>
#include "state.h"

__thread uint3 threadIdx EMU_THREAD_LOCAL;
__thread uint3 blockIdx EMU_THREAD_LOCAL;
__thread uint3 blockDim EMU_THREAD_LOCAL;
__thread uint3 gridDim EMU_THREAD_LOCAL;

namespace emu {

__thread Fiber* self EMU_THREAD_LOCAL;
__thread Block* block EMU_THREAD_LOCAL;
__thread char* arena_base EMU_THREAD_LOCAL;
bool instrumented = false;

void set_ready(Fiber& fiber, bool ready) {
    Warp& warp = *fiber.warp;
    Block& owner = *fiber.block;
    const uint32_t lane_bit = 1u << fiber.lane;
    const uint32_t warp_bit = 1u << warp.index;
    const uint32_t block_bit = 1u << owner.rank;
    warp.ready = ready ? warp.ready | lane_bit : warp.ready & ~lane_bit;
    owner.ready_warps = warp.ready ? owner.ready_warps | warp_bit : owner.ready_warps & ~warp_bit;
    Cluster& cluster = *owner.cluster;
    cluster.ready_blocks = owner.ready_warps ? cluster.ready_blocks | block_bit : cluster.ready_blocks & ~block_bit;
}

void block_here(const char* where, uint64_t argument) {
    Fiber& fiber = *self;
    fiber.state = State::blocked;
    fiber.waiting_at = where;
    fiber.waiting_argument = argument;
    set_ready(fiber, false);
    switch_to_scheduler(false);
}

void wake(Fiber& fiber) {
    if (fiber.state != State::blocked) return;
    fiber.state = State::ready;
    fiber.block->cluster->polls = 0;
    set_ready(fiber, true);
}

void yield() { switch_to_scheduler(false); }

// Between two steps of one thread others may run.
void preempt() {
    const Schedule schedule = config().schedule;
    if (schedule != Schedule::random && schedule != Schedule::priority) return;
    std::mt19937_64& random = block->cluster->random;
    if (random() % 4) return;
    if (schedule == Schedule::priority) self->warp->priority = uint32_t(random() >> 34);   // falls behind for a while
    yield();
}

void poll() {
    if (++block->cluster->polls > config().spin_limit)
        fault("no progress: threads poll memory that nobody changes (blocks of a grid do not all run at the same time)");
    yield();
}

void abandon() {
    switch_to_scheduler(true);
    __builtin_unreachable();
}

static void fiber_main() {
    enter_fiber();
    Cluster& cluster = *block->cluster;
    cluster.launch->body();
    Fiber& fiber = *self;
    if (!fiber.copies.empty()) fault("thread exits with %zu cp.async copies still in flight", fiber.copies.size());
    for (const AsyncCopy& copy : cluster.copies)
        if (copy.owner == &fiber && !copy.was_read) fault("thread exits while bulk copies still read shared memory");
    fiber.state = State::done;
    set_ready(fiber, false);
    fiber.warp->alive &= ~(1u << fiber.lane);
    fiber.block->live--;
    cluster.live--;
    cluster.polls = 0;
    if (instrumented && !fiber.warp->alive) flush_log(*fiber.warp);
    barrier_thread_exit(*fiber.block);
    cluster_thread_exit(cluster);
    abandon();
}

static uint32_t pick_bit(Cluster& cluster, uint32_t set, Schedule schedule) {
    if (schedule == Schedule::reverse) return 31 - __builtin_clz(set);
    if (schedule == Schedule::random || schedule == Schedule::priority)
        for (uint64_t skip = cluster.random() % __builtin_popcount(set); skip--;) set &= set - 1;
    return __builtin_ctz(set);
}

static Warp& pick_warp(Cluster& cluster, Schedule schedule) {
    Block& owner = cluster.blocks.size() == 1 ? cluster.blocks[0] : cluster.blocks[pick_bit(cluster, cluster.ready_blocks, schedule)];
    if (schedule != Schedule::priority) return owner.warps[pick_bit(cluster, owner.ready_warps, schedule)];
    // Random priorities, now and then reshuffled: some warp runs far ahead of the others.
    const uint64_t random = cluster.random();
    if ((random & 255) == 0) owner.warps[(random >> 8) % owner.warps.size()].priority = uint32_t(random >> 32);
    Warp* best = nullptr;
    for (uint32_t set = owner.ready_warps; set; set &= set - 1) {
        Warp& warp = owner.warps[__builtin_ctz(set)];
        if (!best || warp.priority > best->priority) best = &warp;
    }
    return *best;
}

// Copies out of shared memory stay listed until their thread waits for them, or ends.
static bool pending(const AsyncCopy& copy) { return !copy.landed; }

static size_t pending_copies(const Cluster& cluster) {
    return size_t(std::count_if(cluster.copies.begin(), cluster.copies.end(), pending));
}

static void land_one(Cluster& cluster) {
    size_t skip = cluster.random() % pending_copies(cluster);
    size_t index = 0;
    while (!pending(cluster.copies[index]) || skip--) index++;
    cluster.polls = 0;
    AsyncCopy& copy = cluster.copies[index];
    if (copy.owner) {
        finish_read(copy);
        copy.landed = true;
        copy.land();
        return;
    }
    const auto land = std::move(copy.land);
    cluster.copies.erase(cluster.copies.begin() + ptrdiff_t(index));
    land();
}

static bool lands_now(Cluster& cluster) {
    if (cluster.copies.empty()) return false;
    const Landing landing = config().landing;
    if (landing == Landing::late || (landing == Landing::random && cluster.random() % 64)) return false;
    return pending_copies(cluster) > 0;
}

// What is still in flight when all threads have ended.
static void finish_copies(Cluster& cluster) {
    for (AsyncCopy& copy : cluster.copies) {
        if (!copy.owner) {
            record_fault(std::string("block ends with bulk copies into its shared memory in flight [") + cluster.launch->name + "]");
            return;
        }
        if (!copy.landed) copy.land();
    }
}

static void enter(Cluster& cluster, Fiber& fiber) {
    self = &fiber;
    if (block != fiber.block) {
        block = fiber.block;
        arena_base = block->arena;
        blockIdx = block->index;
    }
    threadIdx = fiber.thread_index;
    cluster.totals.switches++;
    switch_to_fiber(cluster, fiber);
}

static void run_warp(Cluster& cluster, Warp& warp, Schedule schedule) {
    for (uint32_t lanes = warp.ready; lanes && !cluster.failed;) {
        const uint32_t lane = pick_bit(cluster, lanes, schedule == Schedule::priority ? Schedule::inorder : schedule);
        lanes &= ~(1u << lane);
        if (warp.lanes[lane]->state == State::ready) enter(cluster, *warp.lanes[lane]);
        if (schedule == Schedule::random) break;
    }
}

void run_cluster(Cluster& cluster) {
    block = nullptr;
    self = nullptr;
    for (Block& each : cluster.blocks) {
        for (Warp& warp : each.warps) warp.priority = uint32_t(cluster.random());
        for (Fiber& fiber : each.fibers) {
            prepare_stack(fiber, fiber_main);
            set_ready(fiber, true);
        }
    }
    race_begin(cluster);
    const Schedule schedule = config().schedule;
    while (cluster.live && !cluster.failed) {
        if (lands_now(cluster)) land_one(cluster);
        if (cluster.ready_blocks) {
            run_warp(cluster, pick_warp(cluster, schedule), schedule);
        } else if (pending_copies(cluster)) {
            land_one(cluster);
        } else {
            record_standstill(cluster, "deadlock");
            cluster.failed = true;
        }
        if (overdue.load(std::memory_order_relaxed)) {
            record_standstill(cluster, "watchdog, the launch takes longer than EMU_WATCHDOG allows");
            cluster.failed = true;
        }
    }
    self = nullptr;
    if (!cluster.failed) finish_copies(cluster);
    race_end(cluster);
    for (Block& each : cluster.blocks)
        for (Fiber& fiber : each.fibers) release_stack(fiber);
    block = nullptr;
    arena_base = nullptr;
}

}  // namespace emu
