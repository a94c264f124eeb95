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

template <class T, class F>
static T update(void* address, F change) {
    if (reinterpret_cast<uintptr_t>(address) % sizeof(T)) fault("atomic on the misaligned address %p", address);
    T* at = static_cast<T*>(address);
    T old = __atomic_load_n(at, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(at, &old, change(old), false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
    }
    return old;
}

uint32_t atomic_u32(Atomic operation, void* address, uint32_t value, Order) {
    return update<uint32_t>(address, [=](uint32_t old) { return modified(operation, old, value); });
}

int32_t atomic_s32(Atomic operation, void* address, int32_t value, Order) {
    return update<int32_t>(address, [=](int32_t old) { return modified(operation, old, value); });
}

uint64_t atomic_u64(Atomic operation, void* address, uint64_t value, Order) {
    return update<uint64_t>(address, [=](uint64_t old) { return modified(operation, old, value); });
}

float atomic_add_f32(void* address, float value, Order) {
    const uint32_t old = update<uint32_t>(address, [=](uint32_t bits) { return std::bit_cast<uint32_t>(std::bit_cast<float>(bits) + value); });
    return std::bit_cast<float>(old);
}

uint32_t atomic_cas_u32(void* address, uint32_t expected, uint32_t desired, Order) {
    return update<uint32_t>(address, [=](uint32_t old) { return old == expected ? desired : old; });
}

uint64_t atomic_cas_u64(void* address, uint64_t expected, uint64_t desired, Order) {
    return update<uint64_t>(address, [=](uint64_t old) { return old == expected ? desired : old; });
}

uint32_t load_u32(const void* address, Order) {
    poll();
    return __atomic_load_n(static_cast<const uint32_t*>(address), __ATOMIC_ACQUIRE);
}

void store_u32(void* address, uint32_t value, Order) {
    block->cluster->polls = 0;
    __atomic_store_n(static_cast<uint32_t*>(address), value, __ATOMIC_RELEASE);
}

void thread_fence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

}  // namespace emu
