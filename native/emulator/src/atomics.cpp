// Atomic operations and fences on global memory.
#include <bit>
#include "state.h"

namespace emu {

template <class T>
static T modified(Atomic operation, T old, T value) {
    switch (operation) {
    case Atomic::add:
        return T(old + value);
    case Atomic::minimum:
        return old < value ? old : value;
    case Atomic::maximum:
        return old > value ? old : value;
    case Atomic::exchange:
        return value;
    case Atomic::bit_and:
        return T(old & value);
    case Atomic::bit_or:
        return T(old | value);
    }
    __builtin_unreachable();
}

// What every strong access does first: alignment, the race checker's books, and (for those that only look) letting others run.
template <class T>
static void enter(const void* address, Touch touch, Order order, const void* where) {
    if (reinterpret_cast<uintptr_t>(address) % sizeof(T)) fault("atomic on the misaligned address %p", address);
    preempt();
    const auto offset = uint64_t(static_cast<const char*>(address) - arena_base);
    if (offset < arena_bytes) {
        block->shared(uint32_t(offset), sizeof(T), "atomic");
        return;
    }
    race_global(*self, address, sizeof(T), Touch::atomic, where);
    race_atomic_order(*self, address, touch, order);
}

template <class T, class F>
static T update(void* address, Order order, const void* where, F change) {
    enter<T>(address, Touch::atomic, order, where);
    block->cluster->polls = 0;
    T* at = static_cast<T*>(address);
    T old = __atomic_load_n(at, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(at, &old, change(old), false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
    }
    return old;
}

uint32_t atomic_u32(Atomic operation, void* address, uint32_t value, Order order) {
    return update<uint32_t>(address, order, EMU_CALLER, [=](uint32_t old) { return modified(operation, old, value); });
}

int32_t atomic_s32(Atomic operation, void* address, int32_t value, Order order) {
    return update<int32_t>(address, order, EMU_CALLER, [=](int32_t old) { return modified(operation, old, value); });
}

uint64_t atomic_u64(Atomic operation, void* address, uint64_t value, Order order) {
    return update<uint64_t>(address, order, EMU_CALLER, [=](uint64_t old) { return modified(operation, old, value); });
}

float atomic_add_f32(void* address, float value, Order order) {
    const uint32_t old = update<uint32_t>(address, order, EMU_CALLER,
                                          [=](uint32_t bits) { return std::bit_cast<uint32_t>(std::bit_cast<float>(bits) + value); });
    return std::bit_cast<float>(old);
}

uint32_t atomic_cas_u32(void* address, uint32_t expected, uint32_t desired, Order order) {
    return update<uint32_t>(address, order, EMU_CALLER, [=](uint32_t old) { return old == expected ? desired : old; });
}

uint64_t atomic_cas_u64(void* address, uint64_t expected, uint64_t desired, Order order) {
    return update<uint64_t>(address, order, EMU_CALLER, [=](uint64_t old) { return old == expected ? desired : old; });
}

uint32_t load_u32(const void* address, Order order) {
    poll();
    enter<uint32_t>(address, Touch::read, order, EMU_CALLER);
    return __atomic_load_n(static_cast<const uint32_t*>(address), __ATOMIC_ACQUIRE);
}

void store_u32(void* address, uint32_t value, Order order) {
    enter<uint32_t>(address, Touch::write, order, EMU_CALLER);
    block->cluster->polls = 0;
    __atomic_store_n(static_cast<uint32_t*>(address), value, __ATOMIC_RELEASE);
}

void thread_fence() {
    race_thread_fence(*self);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

}  // namespace emu
