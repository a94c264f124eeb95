// The shared-memory windows of blocks, and accesses by 32-bit address.
#include <new>
#include <sys/mman.h>
#include "state.h"

namespace emu {

char* Block::shared(uint32_t address, uint32_t bytes, const char* what) {
    if (address < arena_reserved || uint64_t(address) + bytes > arena_reserved + uint64_t(dynamic_bytes))
        fault("%s: shared address 0x%x..0x%x is outside the block's %u bytes", what, address, address + bytes, dynamic_bytes);
    return arena + address;
}

void* dynamic_shared() { return arena_base + arena_reserved; }

uint32_t shared_address(const void* pointer) {
    const auto offset = static_cast<const char*>(pointer) - arena_base;
    if (offset < 0 || offset >= arena_bytes) fault("not a shared-memory pointer");
    return uint32_t(offset);
}

uint32_t load_shared32(uint32_t address) {
    const char* at = block->shared(address, 4, "ld.shared");
    if (address % 4) fault("ld.shared: address 0x%x is misaligned", address);
    if (instrumented) {
        race_shared_read(*self, *block, address, 4, EMU_CALLER);
        log_access(*self, EMU_CALLER, address, 4, false, true);
    }
    uint32_t value;
    memcpy(&value, at, 4);
    return value;
}

void store_shared32(uint32_t address, uint32_t value) {
    char* at = block->shared(address, 4, "st.shared");
    if (address % 4) fault("st.shared: address 0x%x is misaligned", address);
    if (instrumented) {
        race_shared_write(*self, *block, address, 4, EMU_CALLER);
        log_access(*self, EMU_CALLER, address, 4, true, true);
    }
    memcpy(at, &value, 4);
}

// Poisons what the kernel asked for with NaN in every floating-point type, and under ASan hides the rest.
static void poison(char* arena, uint32_t dynamic_bytes) {
    char* dynamic = arena + arena_reserved;
#if EMU_ASAN
    __asan_unpoison_memory_region(dynamic, dynamic_bytes);
#endif
    memset(dynamic, 0xff, dynamic_bytes);
#if EMU_ASAN
    __asan_poison_memory_region(arena, arena_reserved);
    __asan_poison_memory_region(dynamic + dynamic_bytes, arena_bytes - arena_reserved - dynamic_bytes);
#endif
}

// Each worker thread keeps its arenas, one per rank of a cluster.
char* take_arena(uint32_t rank, uint32_t dynamic_bytes) {
    static thread_local std::vector<char*> arenas;
    while (arenas.size() <= rank) {
        void* memory = mmap(nullptr, arena_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw std::bad_alloc();
        arenas.push_back(static_cast<char*>(memory));
    }
    poison(arenas[rank], dynamic_bytes);
    return arenas[rank];
}

}  // namespace emu
