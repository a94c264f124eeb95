// What -fsanitize=thread makes kernels call. They are linked without libtsan: these callbacks take its place.
#include "state.h"

namespace emu {

static void access(const void* pointer, uint32_t bytes, bool write, const void* where) {
    Fiber* fiber = self;
    if (!fiber || !instrumented) return;
    const uint64_t offset = uint64_t(static_cast<const char*>(pointer) - arena_base);
    if (offset < arena_bytes) {
        if (write)
            race_shared_write(*fiber, *block, uint32_t(offset), bytes, where);
        else
            race_shared_read(*fiber, *block, uint32_t(offset), bytes, where);
        log_access(*fiber, where, offset, bytes, write, true);
        return;
    }
    // Everything that is not device memory is registers, locals or kernel parameters.
    race_global(*fiber, pointer, bytes, write ? Touch::write : Touch::read, where);
    if (config().statistics && is_device_memory(pointer)) log_access(*fiber, where, reinterpret_cast<uint64_t>(pointer), bytes, write, false);
}

}  // namespace emu

#pragma GCC diagnostic ignored "-Wmissing-declarations"

extern "C" {
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}

#define EMU_ACCESS(bytes)                                                                                        \
    void __tsan_read##bytes(void* p) { emu::access(p, bytes, false, EMU_CALLER); }                               \
    void __tsan_write##bytes(void* p) { emu::access(p, bytes, true, EMU_CALLER); }                               \
    void __tsan_unaligned_read##bytes(void* p) { emu::access(p, bytes, false, EMU_CALLER); }                     \
    void __tsan_unaligned_write##bytes(void* p) { emu::access(p, bytes, true, EMU_CALLER); }                     \
    void __tsan_volatile_read##bytes(void* p) { emu::access(p, bytes, false, EMU_CALLER); }                      \
    void __tsan_volatile_write##bytes(void* p) { emu::access(p, bytes, true, EMU_CALLER); }
EMU_ACCESS(1)
EMU_ACCESS(2)
EMU_ACCESS(4)
EMU_ACCESS(8)
EMU_ACCESS(16)

void __tsan_read_range(void* p, unsigned long bytes) { emu::access(p, uint32_t(bytes), false, EMU_CALLER); }
void __tsan_write_range(void* p, unsigned long bytes) { emu::access(p, uint32_t(bytes), true, EMU_CALLER); }
void* __tsan_memcpy(void* to, const void* from, unsigned long bytes) {
    emu::access(from, uint32_t(bytes), false, EMU_CALLER);
    emu::access(to, uint32_t(bytes), true, EMU_CALLER);
    return memcpy(to, from, bytes);
}
void* __tsan_memset(void* to, int value, unsigned long bytes) {
    emu::access(to, uint32_t(bytes), true, EMU_CALLER);
    return memset(to, value, bytes);
}

#define EMU_ATOMIC(bits, type)                                                                                                              \
    type __tsan_atomic##bits##_load(const volatile type* p, int) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }                           \
    void __tsan_atomic##bits##_store(volatile type* p, type v, int) { __atomic_store_n(p, v, __ATOMIC_SEQ_CST); }                           \
    type __tsan_atomic##bits##_exchange(volatile type* p, type v, int) { return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST); }              \
    type __tsan_atomic##bits##_fetch_add(volatile type* p, type v, int) { return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST); }              \
    type __tsan_atomic##bits##_fetch_sub(volatile type* p, type v, int) { return __atomic_fetch_sub(p, v, __ATOMIC_SEQ_CST); }              \
    type __tsan_atomic##bits##_fetch_and(volatile type* p, type v, int) { return __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST); }              \
    type __tsan_atomic##bits##_fetch_or(volatile type* p, type v, int) { return __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST); }                \
    int __tsan_atomic##bits##_compare_exchange_strong(volatile type* p, type* e, type v, int, int) {                                        \
        return __atomic_compare_exchange_n(p, e, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                                             \
    }                                                                                                                                       \
    int __tsan_atomic##bits##_compare_exchange_weak(volatile type* p, type* e, type v, int, int) {                                          \
        return __atomic_compare_exchange_n(p, e, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                                             \
    }
EMU_ATOMIC(8, uint8_t)
EMU_ATOMIC(32, uint32_t)
EMU_ATOMIC(64, uint64_t)
void __tsan_atomic_thread_fence(int) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
}
