// Stacks of fibers and the switch between them.
#include <mutex>
#include <sys/mman.h>
#include "state.h"

namespace emu {

#ifndef __x86_64__
#error "the emulator switches stacks on x86-64 only"
#endif
extern "C" void emu_switch_stack(void** save, void* to);
asm(R"(.text
.globl emu_switch_stack
.hidden emu_switch_stack
.type emu_switch_stack, @function
emu_switch_stack:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size emu_switch_stack, .-emu_switch_stack
)");

constexpr size_t stack_bytes = EMU_ASAN ? 512 * 1024 : 128 * 1024;   // ASan's red zones make frames grow
constexpr size_t guard_bytes = 4096;

// Stacks are kept for later blocks. Never destroyed: worker threads outlive the static objects of this library.
struct StackPool {
    std::mutex mutex;
    std::vector<char*> free;
};
static StackPool& pool() {
    static auto* const instance = new StackPool;
    return *instance;
}

static char* take_stack() {
    StackPool& p = pool();
    {
        std::lock_guard<std::mutex> guard(p.mutex);
        if (!p.free.empty()) {
            char* stack = p.free.back();
            p.free.pop_back();
            return stack;
        }
    }
    void* memory = mmap(nullptr, stack_bytes + guard_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    mprotect(memory, guard_bytes, PROT_NONE);
    return static_cast<char*>(memory) + guard_bytes;
}

void prepare_stack(Fiber& fiber, void (*entry)()) {
    fiber.stack = take_stack();
#if EMU_ASAN
    __asan_unpoison_memory_region(fiber.stack, stack_bytes);
#endif
    // What the switch pops: six registers and the address to return to; one word more keeps the stack aligned.
    auto* top = reinterpret_cast<uintptr_t*>(fiber.stack + stack_bytes);
    *--top = 0;
    *--top = reinterpret_cast<uintptr_t>(entry);
    for (int i = 0; i < 6; i++) *--top = 0;
    fiber.stack_pointer = top;
}

void release_stack(Fiber& fiber) {
    std::lock_guard<std::mutex> guard(pool().mutex);
    pool().free.push_back(fiber.stack);
}

void switch_to_fiber(Cluster& cluster, Fiber& fiber) {
#if EMU_ASAN
    __sanitizer_start_switch_fiber(&cluster.scheduler_fake_stack, fiber.stack, stack_bytes);
#endif
    emu_switch_stack(&cluster.scheduler_stack_pointer, fiber.stack_pointer);
#if EMU_ASAN
    __sanitizer_finish_switch_fiber(cluster.scheduler_fake_stack, nullptr, nullptr);
#endif
}

void switch_to_scheduler([[maybe_unused]] bool last) {
    Fiber& fiber = *self;
    Cluster& cluster = *fiber.block->cluster;
#if EMU_ASAN
    __sanitizer_start_switch_fiber(last ? nullptr : &fiber.fake_stack, cluster.scheduler_stack, cluster.scheduler_stack_bytes);
#endif
    emu_switch_stack(&fiber.stack_pointer, cluster.scheduler_stack_pointer);
#if EMU_ASAN
    __sanitizer_finish_switch_fiber(fiber.fake_stack, &cluster.scheduler_stack, &cluster.scheduler_stack_bytes);
#endif
}

void enter_fiber() {
#if EMU_ASAN
    Cluster& cluster = *block->cluster;
    __sanitizer_finish_switch_fiber(nullptr, &cluster.scheduler_stack, &cluster.scheduler_stack_bytes);
#endif
}

}  // namespace emu
