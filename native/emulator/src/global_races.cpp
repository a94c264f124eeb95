// Who last wrote and read every four bytes of device memory during the present launch. Launches follow each other, so entries of
// earlier ones are void. A word remembers one write and two reads: of more concurrent readers some are forgotten.
#include <sys/mman.h>
#include "device_memory.h"
#include "state.h"

namespace emu {

void race_forget_atomics();

namespace {

constexpr uint32_t granule = 4;
uint32_t current_launch = 0;

struct Entry {
    int32_t where;                             // code address, relative to this file's
    uint32_t cluster;
    uint16_t agent;
    uint8_t bytes;                             // mask; 0: no entry
    Touch touch;
    Clock clock;
};
static_assert(sizeof(Entry) == 16);

const char* code_base() { return reinterpret_cast<const char*>(&race_launch); }

std::string at(const Entry& entry) {
    return symbolize(code_base() + entry.where) + " (block " + std::to_string(entry.cluster) + " of the grid, agent " + std::to_string(entry.agent) + ")";
}

}  // namespace

struct GlobalCell {
    uint32_t launch;
    Entry write;
    Entry reads[2];
};

static GlobalCell* cells_of(DeviceRange& range) {
    if (!range.shadow) {
        range.shadow_bytes = ((range.bytes + granule - 1) / granule + 1) * sizeof(GlobalCell);
        void* memory = mmap(nullptr, range.shadow_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) throw std::bad_alloc();
        range.shadow = memory;
    }
    return static_cast<GlobalCell*>(range.shadow);
}

void race_launch() {
    current_launch++;
    race_forget_atomics();
}

static bool conflicts(const Fiber& fiber, const Entry& entry, uint8_t bytes, Touch touch) {
    if (!(entry.bytes & bytes) || (entry.touch == Touch::atomic && touch == Touch::atomic)) return false;
    return !happened_before(fiber, entry.cluster, entry.agent, entry.clock);
}

static void check_word(Fiber& fiber, GlobalCell& cell, uint8_t bytes, Touch touch, const void* where) {
    if (cell.launch != current_launch) {
        cell = {};
        cell.launch = current_launch;
    }
    const Entry now{int32_t(static_cast<const char*>(where) - code_base()), uint32_t(fiber.block->cluster->index), uint16_t(fiber.agent), bytes, touch,
                    fiber.clock.now[fiber.agent]};
    if (conflicts(fiber, cell.write, bytes, touch)) {
        race_fault("%s %s global memory that %s writes; no barrier, or fence and atomic, between them", symbolize(where).c_str(),
                   touch == Touch::read ? "reads" : "writes", at(cell.write).c_str());
        return;
    }
    if (touch == Touch::read) {
        Entry& slot = cell.reads[0].bytes && (cell.reads[0].cluster != now.cluster || cell.reads[0].agent != now.agent) &&
                              !happened_before(fiber, cell.reads[0].cluster, cell.reads[0].agent, cell.reads[0].clock)
                          ? cell.reads[1]
                          : cell.reads[0];
        slot = now;
        return;
    }
    for (Entry& read : cell.reads) {
        if (conflicts(fiber, read, bytes, touch)) {
            race_fault("%s writes global memory that %s reads; no barrier, or fence and atomic, between them", symbolize(where).c_str(),
                       at(read).c_str());
            return;
        }
        read.bytes &= uint8_t(~bytes);
    }
    cell.write = now;
}

void race_global(Fiber& fiber, const void* address, uint32_t bytes, Touch touch, const void* where) {
    if (!race_checked || !bytes) return;
    DeviceRange* range = device_range(address);
    if (!range) return;
    GlobalCell* cells = cells_of(*range);
    const uint64_t first = uint64_t(static_cast<const char*>(address) - range->start);
    const uint64_t last = std::min<uint64_t>(first + bytes, range->bytes);
    for (uint64_t at = first; at < last;) {
        const uint64_t word = at / granule;
        const uint64_t end = std::min(last, (word + 1) * granule);
        const uint8_t mask = uint8_t(((1u << (end - at)) - 1) << at % granule);
        check_word(fiber, cells[word], mask, touch, where);
        at = end;
    }
}

}  // namespace emu
