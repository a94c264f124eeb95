// Who last wrote and read every two bytes of shared memory.
#include <algorithm>
#include "state.h"

namespace emu {

namespace {

constexpr uint32_t granule = 2;

struct Reader {
    uint32_t agent;
    Clock clock;
    const void* where;
};

struct Cell {
    enum : uint8_t { untouched, written, in_flight } state = untouched;
    bool async = false;                        // written by the async proxy
    uint32_t writer = 0;
    Clock clock = 0;
    const void* where = nullptr;
    std::vector<Reader> readers;               // all reads since, and concurrent with, the last write
};

}  // namespace

struct SharedShadow {
    std::vector<Cell> cells;
};

void race_begin(Cluster& cluster) {
    if (!race_checked) return;
    for (Block& each : cluster.blocks) {
        each.shadow = new SharedShadow;
        each.shadow->cells.resize((arena_reserved + each.dynamic_bytes + granule - 1) / granule);
        for (Fiber& fiber : each.fibers) {
            fiber.clock.now.assign(cluster.agents(), 0);
            fiber.clock.now[fiber.agent] = 1;
            fiber.clock.proxy_fence = 0;
        }
    }
}

void race_end(Cluster& cluster) {
    for (Block& each : cluster.blocks) {
        delete each.shadow;
        each.shadow = nullptr;
    }
}

static bool before(const Fiber& fiber, uint32_t agent, Clock clock) { return fiber.clock.now[agent] >= clock; }

static std::string at(const void* where) { return symbolize(where); }

static const Fiber* writer_fiber(const Cluster& cluster, uint32_t agent) {
    if (agent >= cluster.threads) return nullptr;
    const uint32_t per_block = cluster.blocks[0].threads;
    return &cluster.blocks[agent / per_block].fibers[agent % per_block];
}

static bool may_read(const Fiber& fiber, const Cell& cell, const void* where, Proxy proxy) {
    if (cell.state == Cell::untouched) {
        race_fault("%s reads shared memory nobody wrote before", at(where).c_str());
        return false;
    }
    if (cell.state == Cell::in_flight) {
        race_fault("%s reads shared memory while the copy issued at %s is in flight (no wait)", at(where).c_str(), at(cell.where).c_str());
        return false;
    }
    if (!before(fiber, cell.writer, cell.clock)) {
        race_fault("%s reads what %s writes, no barrier between", at(where).c_str(), at(cell.where).c_str());
        return false;
    }
    const Fiber* writer = writer_fiber(*fiber.block->cluster, cell.writer);
    if (proxy == Proxy::async && !cell.async && writer && writer->clock.proxy_fence < cell.clock) {
        race_fault("%s (async proxy) reads what %s wrote without fence.proxy.async", at(where).c_str(), at(cell.where).c_str());
        return false;
    }
    return true;
}

static void add_reader(const Fiber& fiber, Cell& cell, const void* where) {
    auto& readers = cell.readers;
    const Reader now{fiber.agent, fiber.clock.now[fiber.agent], where};
    if (readers.size() == 1 && readers[0].agent == fiber.agent) {
        readers[0] = now;
        return;
    }
    size_t kept = 0;
    bool found = false;
    for (size_t i = 0; i < readers.size(); i++) {
        if (readers[i].agent == fiber.agent) {
            readers[kept++] = now;
            found = true;
        } else if (!before(fiber, readers[i].agent, readers[i].clock)) {
            readers[kept++] = readers[i];
        }
    }
    readers.resize(kept);
    if (!found) readers.push_back(now);
}

static bool may_write(const Fiber& fiber, const Cell& cell, const void* where) {
    if (cell.state == Cell::in_flight) {
        race_fault("%s writes shared memory while the copy issued at %s is in flight", at(where).c_str(), at(cell.where).c_str());
        return false;
    }
    if (cell.state == Cell::written && !before(fiber, cell.writer, cell.clock)) {
        race_fault("%s overwrites what %s writes, no barrier between", at(where).c_str(), at(cell.where).c_str());
        return false;
    }
    for (const Reader& reader : cell.readers) {
        if (before(fiber, reader.agent, reader.clock)) continue;
        race_fault("%s overwrites what %s still reads, no barrier between", at(where).c_str(), at(reader.where).c_str());
        return false;
    }
    return true;
}

template <class F>
static void for_cells(Block& owner, uint32_t address, uint32_t bytes, F visit) {
    auto& cells = owner.shadow->cells;
    const size_t last = std::min<size_t>((address + bytes - 1) / granule, cells.size() - 1);
    for (size_t i = address / granule; i <= last; i++)
        if (!visit(cells[i])) return;
}

void race_shared_read(Fiber& fiber, Block& owner, uint32_t address, uint32_t bytes, const void* where, Proxy proxy) {
    if (!race_checked) return;
    for_cells(owner, address, bytes, [&](Cell& cell) {
        if (!may_read(fiber, cell, where, proxy)) return false;
        add_reader(fiber, cell, where);
        return true;
    });
}

static void set_writer(Cell& cell, uint32_t agent, Clock clock, const void* where) {
    cell.writer = agent;
    cell.clock = clock;
    cell.where = where;
}

void race_shared_write(Fiber& fiber, Block& owner, uint32_t address, uint32_t bytes, const void* where) {
    if (!race_checked) return;
    for_cells(owner, address, bytes, [&](Cell& cell) {
        const bool allowed = may_write(fiber, cell, where);
        cell.state = Cell::written;
        cell.async = false;
        set_writer(cell, fiber.agent, fiber.clock.now[fiber.agent], where);
        cell.readers.clear();
        return allowed;
    });
}

void race_copy_issued(Fiber& fiber, Block& owner, uint32_t address, uint32_t bytes, const void* where) {
    if (!race_checked) return;
    for_cells(owner, address, bytes, [&](Cell& cell) {
        const bool allowed = may_write(fiber, cell, where);
        cell.state = Cell::in_flight;
        set_writer(cell, fiber.agent, fiber.clock.now[fiber.agent], where);
        cell.readers.clear();
        return allowed;
    });
}

void race_copy_landed(Fiber& fiber, Block& owner, uint32_t address, uint32_t bytes, const void* where) {
    if (!race_checked) return;
    for_cells(owner, address, bytes, [&](Cell& cell) {
        if (cell.state != Cell::in_flight) return true;
        cell.state = Cell::written;
        cell.async = false;
        set_writer(cell, fiber.agent, fiber.clock.now[fiber.agent], where);
        return true;
    });
}

void race_bulk_landed(MBarrier& barrier, Block& owner, uint32_t address, uint32_t bytes, const void* where) {
    if (!race_checked) return;
    const Clock clock = ++barrier.agent_clock;
    Clocks& joined = barrier.clock.joined;
    if (joined.empty()) joined.assign(owner.cluster->agents(), 0);
    joined[barrier.agent] = clock;
    for_cells(owner, address, bytes, [&](Cell& cell) {
        if (cell.state != Cell::in_flight) return true;
        cell.state = Cell::written;
        cell.async = true;
        set_writer(cell, barrier.agent, clock, where);
        return true;
    });
}

}  // namespace emu
