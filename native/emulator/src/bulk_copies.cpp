// Bulk copies of the async proxy: they land when the scheduler chooses. Loads complete transactions of an mbarrier; copies out of shared memory
// belong to a bulk group of their thread.
#include <algorithm>
#include "state.h"
#include "tensor_maps.h"

namespace emu {

namespace {

void check_linear(const void* global, uint32_t shared, uint32_t bytes, const char* what) {
    if (bytes % 16 || !bytes) fault("%s of %u bytes: not a multiple of 16", what, bytes);
    if (reinterpret_cast<uintptr_t>(global) % 16 || shared % 16) fault("%s: misaligned (shared 0x%x, global %p)", what, shared, global);
}

void check_tensor(uint32_t shared, const char* what) {
    if (shared % 128) fault("%s: shared address 0x%x is not 128-byte aligned", what, shared);
}

// Lets the race checker see the elements of global memory that a box touches.
void touch_global(Fiber& fiber, const Box& box, Touch touch, const void* where) {
    if (!race_checked) return;
    box.for_pieces(0, [&](uint32_t, const char* global, uint32_t bytes) {
        if (global) race_global(fiber, global, bytes, touch, where);
    });
}

void launch_copy(AsyncCopy copy) {
    Cluster& cluster = *block->cluster;
    cluster.totals.bulk_copies++;
    cluster.copies.push_back(std::move(copy));
    preempt();
}

// ---- into shared memory -------------------------------------------------------------------------------------------------

using Fill = std::function<void(Block& target)>;

// Starts a load of `bytes` into `to` of every block in `ranks`, whose barriers at `barrier` get the transactions.
void load_into(uint32_t ranks, uint32_t to, uint32_t bytes, uint32_t barrier_address, const char* what, const void* where, Fill fill) {
    Cluster& cluster = *block->cluster;
    for (; ranks; ranks &= ranks - 1) {
        const uint32_t rank = uint32_t(__builtin_ctz(ranks));
        if (rank >= cluster.blocks.size()) fault("%s: block %u is not in the cluster", what, rank);
        Block& target = cluster.blocks[rank];
        if (!target.live) fault("%s: block %u of the cluster has ended", what, rank);
        MBarrier& barrier = find_fenced(target, barrier_address, what);
        char* start = target.shared(to, bytes, what);
        race_copy_issued(*self, target, to, bytes, where);
        memset(start, 0xff, bytes);
        AsyncCopy copy;
        copy.land = [&target, &barrier, fill, to, bytes, where] {
            fill(target);
            target.cluster->totals.bulk_bytes += bytes;
            race_bulk_landed(barrier, target, to, bytes, where);
            complete_transactions(barrier, bytes);
        };
        launch_copy(std::move(copy));
    }
}

void load_box(uint32_t ranks, uint32_t to, const Box& box, uint32_t barrier, const void* where) {
    check_tensor(to, "TMA load");
    touch_global(*self, box, Touch::read, where);
    load_into(ranks, to, box.bytes(), barrier, "TMA load", where, [box, to](Block& target) {
        box.for_pieces(to, [&](uint32_t shared, const char* global, uint32_t bytes) {
            if (global)
                memcpy(target.arena + shared, global, bytes);
            else
                memset(target.arena + shared, 0, bytes);
        });
    });
}

void load_linear(uint32_t ranks, uint32_t to, const void* from, uint32_t bytes, uint32_t barrier, const void* where) {
    check_linear(from, to, bytes, "cp.async.bulk");
    const auto* source = static_cast<const volatile char*>(from);     // lets ASan see both ends
    (void)source[0];
    (void)source[bytes - 1];
    race_global(*self, from, bytes, Touch::read, where);
    load_into(ranks, to, bytes, barrier, "cp.async.bulk", where, [=](Block& target) { memcpy(target.arena + to, from, bytes); });
}

uint32_t own_rank() { return 1u << block->rank; }

// ---- out of shared memory -----------------------------------------------------------------------------------------------

void reduce_or_copy(char* to, const char* from, uint32_t bytes, BulkOperation operation) {
    if (operation == BulkOperation::copy) {
        memcpy(to, from, bytes);
        return;
    }
    for (uint32_t at = 0; at < bytes; at += 4) {
        float value;
        float more;
        memcpy(&value, to + at, 4);
        memcpy(&more, from + at, 4);
        value += more;
        memcpy(to + at, &value, 4);
    }
}

Touch touch_of(BulkOperation operation) { return operation == BulkOperation::copy ? Touch::write : Touch::atomic; }

// The source is read, and the target written, from now until the wait: `touch` records both ends of that time.
void store_out(uint32_t from, uint32_t bytes, const char* what, const void* where, std::function<void()> touch_target,
               std::function<void(const std::vector<char>&, uint32_t first)> write) {
    Block& owner = *block;
    owner.shared(from, bytes, what);
    Fiber& fiber = *self;
    AsyncCopy copy;
    copy.owner = &fiber;
    copy.group = fiber.bulk_group;
    auto staged = std::make_shared<std::vector<char>>();
    copy.touch_source = [=, &fiber, &owner] { race_shared_read(fiber, owner, from, bytes, where, Proxy::async); };
    copy.touch_target = std::move(touch_target);
    copy.read = [=, &owner] { staged->assign(owner.arena + from, owner.arena + from + bytes); };
    copy.land = [=, &owner] {
        write(*staged, from);
        owner.cluster->totals.bulk_bytes += bytes;
    };
    copy.touch_source();
    copy.touch_target();
    launch_copy(std::move(copy));
}

}  // namespace

void tensor_load(uint32_t to, const void* tensor_map, uint32_t barrier, const int* coordinates, int rank) {
    load_box(own_rank(), to, decode_box(tensor_map, coordinates, rank), barrier, EMU_CALLER);
}

void tensor_load_multicast(uint32_t to, const void* tensor_map, uint32_t barrier, uint32_t ranks, const int* coordinates, int rank) {
    load_box(ranks, to, decode_box(tensor_map, coordinates, rank), barrier, EMU_CALLER);
}

void bulk_load(uint32_t to, const void* from, uint32_t bytes, uint32_t barrier) { load_linear(own_rank(), to, from, bytes, barrier, EMU_CALLER); }

void bulk_load_multicast(uint32_t to, const void* from, uint32_t bytes, uint32_t barrier, uint32_t ranks) {
    load_linear(ranks, to, from, bytes, barrier, EMU_CALLER);
}

void tensor_store(const void* tensor_map, uint32_t from, const int* coordinates, int rank, BulkOperation operation) {
    const Box box = decode_box(tensor_map, coordinates, rank);
    const void* where = EMU_CALLER;
    Fiber& fiber = *self;
    check_tensor(from, "TMA store");
    if (operation == BulkOperation::add_f32 && box.map.element != 4) fault("TMA reduction of f32 with a map of %u-byte elements", box.map.element);
    store_out(
        from, box.bytes(), "TMA store", where, [=, &fiber] { touch_global(fiber, box, touch_of(operation), where); },
        [=](const std::vector<char>& staged, uint32_t first) {
            box.for_pieces(first, [&](uint32_t shared, char* global, uint32_t bytes) {
                if (global) reduce_or_copy(global, staged.data() + (shared - first), bytes, operation);
            });
        });
}

void bulk_store(void* to, uint32_t from, uint32_t bytes, BulkOperation operation) {
    const void* where = EMU_CALLER;
    Fiber& fiber = *self;
    check_linear(to, from, bytes, "cp.async.bulk");
    store_out(
        from, bytes, "cp.async.bulk", where, [=, &fiber] { race_global(fiber, to, bytes, touch_of(operation), where); },
        [=](const std::vector<char>& staged, uint32_t) { reduce_or_copy(static_cast<char*>(to), staged.data(), bytes, operation); });
}

void bulk_commit() { self->bulk_group++; }

void bulk_wait(int groups_in_flight, BulkWait until) {
    Fiber& fiber = *self;
    Cluster& cluster = *fiber.block->cluster;
    auto& copies = cluster.copies;
    for (size_t i = 0; i < copies.size();) {
        AsyncCopy& copy = copies[i];
        if (copy.owner != &fiber || int64_t(copy.group) >= int64_t(fiber.bulk_group) - groups_in_flight) {
            i++;
            continue;
        }
        finish_read(copy);
        copy.touch_source();
        if (until == BulkWait::read) {
            i++;
            continue;
        }
        const AsyncCopy done = std::move(copy);
        copies.erase(copies.begin() + ptrdiff_t(i));
        if (!done.landed) done.land();
        done.touch_target();
    }
    preempt();
}

void finish_read(AsyncCopy& copy) {
    if (!copy.owner || copy.was_read) return;
    copy.read();
    copy.was_read = true;
}

}  // namespace emu
