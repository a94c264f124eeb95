// cp.async: the data lands when its group is waited for, and the destination is poison until then.
#include "state.h"

namespace emu {

void cp_async(uint32_t to, const void* from, int bytes, int from_bytes) {
    Fiber& fiber = *self;
    const void* where = EMU_CALLER;
    if (bytes != 4 && bytes != 8 && bytes != 16) fault("cp.async of %d bytes", bytes);
    if (from_bytes < 0 || from_bytes > bytes) fault("cp.async of %d bytes from %d bytes", bytes, from_bytes);
    if (to % uint32_t(bytes) || (from_bytes && reinterpret_cast<uintptr_t>(from) % uintptr_t(bytes)))
        fault("cp.async: misaligned (shared 0x%x, global %p, %d bytes)", to, from, bytes);
    char* target = block->shared(to, uint32_t(bytes), "cp.async");
    if (from_bytes) {                          // lets ASan see both ends of the source
        const auto* source = static_cast<const volatile char*>(from);
        (void)source[0];
        (void)source[from_bytes - 1];
    }
    race_copy_issued(fiber, *block, to, uint32_t(bytes), where);
    race_global(fiber, from, uint32_t(from_bytes), Touch::read, where);
    memset(target, 0xff, size_t(bytes));       // whoever reads before the wait sees NaN
    fiber.copies.push_back({to, uint32_t(bytes), uint32_t(from_bytes), fiber.copy_group, from, where});
    block->cluster->totals.cp_async++;
    block->cluster->totals.cp_async_bytes += uint64_t(from_bytes);
    if (instrumented) {
        log_access(fiber, where, to, uint32_t(bytes), true, true);
        if (from_bytes) log_access(fiber, where, reinterpret_cast<uint64_t>(from), uint32_t(from_bytes), false, false);
    }
    if (config().landing == Landing::early) {
        memcpy(target, from, size_t(from_bytes));
        memset(target + from_bytes, 0, size_t(bytes - from_bytes));
    }
    preempt();
}

void cp_async_commit() { self->copy_group++; }

static void land(Fiber& fiber, const CpAsync& copy) {
    char* target = block->arena + copy.to;
    if (config().landing != Landing::early) {
        for (uint32_t i = 0; i < copy.bytes; i++)
            if (uint8_t(target[i]) != 0xff) fault("shared 0x%x was written while a cp.async to it was in flight", copy.to + i);
        memcpy(target, copy.from, copy.from_bytes);
        memset(target + copy.from_bytes, 0, copy.bytes - copy.from_bytes);
    }
    race_global(fiber, copy.from, copy.from_bytes, Touch::read, copy.where);    // the source is read at any time up to now
    race_copy_landed(fiber, *block, copy.to, copy.bytes, copy.where);
}

void cp_async_wait(int groups_in_flight) {
    Fiber& fiber = *self;
    size_t landed = 0;
    while (landed < fiber.copies.size() && int64_t(fiber.copies[landed].group) < int64_t(fiber.copy_group) - groups_in_flight)
        land(fiber, fiber.copies[landed++]);
    fiber.copies.erase(fiber.copies.begin(), fiber.copies.begin() + ptrdiff_t(landed));
    preempt();
}

}  // namespace emu
