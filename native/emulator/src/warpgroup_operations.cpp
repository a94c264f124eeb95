// wgmma.mma_async: operands are read, and accumulators written, only when the group is waited for.
#include <cmath>
#include "state.h"

namespace emu {

namespace {

// ---- operands in shared memory -------------------------------------------------------------------------------------

// Byte offset, before the address swizzle, of element (mn, k) of an operand; a core matrix is 8 rows of 16 bytes.
// K-major:  rows of one swizzle span, 8 rows to an atom, atoms SBO apart along M/N; unswizzled: LBO between the two K halves.
// MN-major: one swizzle span of M/N to a row, 8 K-rows to an atom, atoms LBO apart along M/N and SBO apart along K.
uint32_t operand_offset(Major major, uint32_t swizzle, uint32_t lbo, uint32_t sbo, uint32_t mn, uint32_t k, uint32_t element) {
    static const uint32_t spans[] = {16, 128, 64, 32};
    const uint32_t span = spans[swizzle];
    const uint32_t core = 16 / element;        // elements in 16 bytes
    if (major == Major::k) {
        if (!swizzle) return mn % 8 * 16 + mn / 8 * sbo + k % core * element + k / core * lbo;
        return mn % 8 * span + mn / 8 * sbo + k * element;
    }
    if (!swizzle) return mn % core * element + mn / core * sbo + k % 8 * 16 + k / 8 * lbo;
    const uint32_t per_row = span / element;
    return mn % per_row * element + mn / per_row * lbo + k % 8 * span + k / 8 * sbo;
}

struct Descriptor {
    uint32_t start;
    uint32_t lbo;
    uint32_t sbo;
    uint32_t swizzle;
    uint32_t bits;

    explicit Descriptor(uint64_t encoded)
        : start(uint32_t(encoded & 0x3fff) << 4), lbo(uint32_t(encoded >> 16 & 0x3fff) << 4), sbo(uint32_t(encoded >> 32 & 0x3fff) << 4),
          swizzle(uint32_t(encoded >> 62)) {
        static const uint32_t swizzle_bits[] = {0, 3, 2, 1};
        bits = swizzle_bits[swizzle];
        if (encoded >> 49 & 7) fault("wgmma descriptor: base offset %u is not modelled", unsigned(encoded >> 49 & 7));
    }
    uint32_t address(Major major, uint32_t mn, uint32_t k, uint32_t element) const {
        const uint32_t linear = start + operand_offset(major, swizzle, lbo, sbo, mn, k, element);
        return linear ^ (linear >> 7 & ((1u << bits) - 1)) << 4;
    }
};

int depth_of(Type type) { return type == Type::tf32 ? 8 : 16; }
uint32_t element_of(Type type) { return type == Type::tf32 ? 4 : 2; }

float load_element(const char* arena, uint32_t address, Type type) {
    if (type == Type::tf32) {
        uint32_t bits;
        memcpy(&bits, arena + address, 4);
        return std::bit_cast<float>(bits & 0xffffe000u);
    }
    uint16_t bits;
    memcpy(&bits, arena + address, 2);
    return to_float(type, bits);
}

// The operand is read from issue until the wait: checked (and, when race checking, recorded) at both ends.
void touch_operand(Block& owner, uint32_t first_thread, uint64_t encoded, Major major, int extent, Type type, const void* where) {
    const Descriptor descriptor(encoded);
    const int core = int(16 / element_of(type));
    for (int mn = 0; mn < extent; mn += major == Major::mn ? core : 1) {
        for (int k = 0; k < depth_of(type); k += major == Major::mn ? 1 : core) {
            const uint32_t address = descriptor.address(major, uint32_t(mn), uint32_t(k), element_of(type));    // 16 contiguous bytes
            owner.shared(address, 16, "wgmma operand");
            if (race_checked)
                for (uint32_t warp = 0; warp < 4; warp++)
                    race_shared_read(owner.fibers[first_thread + warp * 32], owner, address, 16, where, Proxy::async);
        }
    }
}

// ---- the four warps meeting ----------------------------------------------------------------------------------------

enum Kind { kind_issue = 1, kind_commit, kind_wait, kind_registers };

void meet(int kind, const char* name, void* arguments, void (*execute)(Warpgroup&)) {
    Fiber& fiber = *self;
    const uint32_t index = fiber.linear / 128;
    if (block->threads < (index + 1) * 128) fault("%s: the block has no complete warpgroup here", name);
    Warpgroup& group = block->groups[index];
    if (group.arrived && group.kind != kind) fault("warpgroup %u diverged at %s", index, name);
    group.kind = kind;
    group.arguments[fiber.linear % 128] = arguments;
    if (++group.arrived != 128) return block_here(name, index);
    if (instrumented)
        for (uint32_t warp = index * 4; warp < index * 4 + 4; warp++) flush_log(block->warps[warp]);
    group.arrived = 0;
    execute(group);
    for (uint32_t thread = index * 128; thread < index * 128 + 128; thread++)
        if (thread != fiber.linear) wake(block->fibers[thread]);
}

struct IssueArguments {
    Type type;
    int n;
    float* d;
    const uint32_t* a_registers;
    uint64_t a_descriptor;
    uint64_t b_descriptor;
    bool accumulate;
    Major a_major;
    Major b_major;
    const void* where;
};

void touch_operands(Block& owner, uint32_t first_thread, const Wgmma& operation) {
    if (!operation.a_from_registers)
        touch_operand(owner, first_thread, operation.a_descriptor, operation.a_major, 64, operation.type, operation.where);
    touch_operand(owner, first_thread, operation.b_descriptor, operation.b_major, operation.n, operation.type, operation.where);
}

void execute_issue(Warpgroup& group) {
    auto* const* arguments = reinterpret_cast<IssueArguments**>(group.arguments);
    const IssueArguments& first = *arguments[0];
    Wgmma& operation = group.queue.emplace_back();
    operation.type = first.type;
    operation.n = first.n;
    operation.accumulate = first.accumulate;
    operation.a_from_registers = first.a_registers != nullptr;
    operation.a_major = first.a_major;
    operation.b_major = first.b_major;
    operation.a_descriptor = first.a_descriptor;
    operation.b_descriptor = first.b_descriptor;
    operation.group = group.group;
    operation.where = first.where;
    for (int thread = 0; thread < 128; thread++) {
        const IssueArguments& its = *arguments[thread];
        if (its.a_descriptor != first.a_descriptor || its.b_descriptor != first.b_descriptor || its.n != first.n ||
            its.accumulate != first.accumulate || !its.a_registers != !first.a_registers)
            fault("wgmma: thread %d of the warpgroup has other operands than thread 0", thread);
        operation.d[thread] = its.d;
        if (its.a_registers) memcpy(operation.a_registers[thread], its.a_registers, 16);
        if (group.live.count(its.d)) continue;
        group.live[its.d].assign(its.d, its.d + operation.n / 2);      // the registers leave the thread's hands here
        std::fill(its.d, its.d + operation.n / 2, NAN);
    }
    touch_operands(*block, self->linear / 128 * 128, operation);
    Totals& totals = block->cluster->totals;
    totals.wgmma++;
    totals.wgmma_flop += uint64_t(2 * 64 * operation.n * depth_of(operation.type));
}

// ---- execution ------------------------------------------------------------------------------------------------------

void gather_a_registers(const Wgmma& operation, std::vector<float>& a) {
    const int depth = depth_of(operation.type);
    for (int thread = 0; thread < 128; thread++) {
        const uint32_t* registers = operation.a_registers[thread];
        const int row = thread / 32 * 16 + thread % 32 / 4;
        for (int e = 0; e < 4; e++) {
            const int at = (row + e % 2 * 8) * depth;
            if (operation.type == Type::tf32) {
                a[at + thread % 4 + e / 2 * 4] = std::bit_cast<float>(registers[e] & 0xffffe000u);
                continue;
            }
            for (int half = 0; half < 2; half++)
                a[at + thread % 4 * 2 + e / 2 * 8 + half] = to_float(operation.type, uint16_t(registers[e] >> 16 * half));
        }
    }
}

void execute(Warpgroup& group, const Wgmma& operation) {
    const int depth = depth_of(operation.type);
    const uint32_t element = element_of(operation.type);
    const int n = operation.n;
    if (race_checked) touch_operands(*block, self->linear / 128 * 128, operation);
    std::vector<float> a(size_t(64 * depth));
    std::vector<float> b(size_t(depth * n));
    const char* arena = block->arena;
    if (operation.a_from_registers) {
        gather_a_registers(operation, a);
    } else {
        const Descriptor descriptor(operation.a_descriptor);
        for (int row = 0; row < 64; row++)
            for (int k = 0; k < depth; k++)
                a[row * depth + k] = load_element(arena, descriptor.address(operation.a_major, uint32_t(row), uint32_t(k), element), operation.type);
    }
    const Descriptor descriptor(operation.b_descriptor);
    for (int column = 0; column < n; column++)
        for (int k = 0; k < depth; k++)
            b[k * n + column] = load_element(arena, descriptor.address(operation.b_major, uint32_t(column), uint32_t(k), element), operation.type);
    float* accumulators[128];
    for (int thread = 0; thread < 128; thread++) accumulators[thread] = group.live[operation.d[thread]].data();
    std::vector<double> sums(static_cast<size_t>(n));
    for (int row = 0; row < 64; row++) {
        std::fill(sums.begin(), sums.end(), 0.0);
        for (int k = 0; k < depth; k++) {
            const double factor = a[row * depth + k];
            for (int column = 0; column < n; column++) sums[column] += factor * double(b[k * n + column]);
        }
        for (int column = 0; column < n; column++) {
            const int thread = row / 16 * 32 + row % 8 * 4 + column % 8 / 2;
            float& accumulator = accumulators[thread][column / 8 * 4 + row % 16 / 8 * 2 + column % 2];
            accumulator = narrow(sums[column] + (operation.accumulate ? double(accumulator) : 0.0));
        }
    }
}

void execute_wait(Warpgroup& group) {
    const int64_t in_flight = reinterpret_cast<intptr_t>(group.arguments[0]);
    while (!group.queue.empty() && int64_t(group.queue.front().group) < int64_t(group.group) - in_flight) {
        execute(group, group.queue.front());
        group.queue.pop_front();
    }
    const auto in_use = [&](const float* d) {
        for (const Wgmma& operation : group.queue)
            for (const float* other : operation.d)
                if (other == d) return true;
        return false;
    };
    for (auto it = group.live.begin(); it != group.live.end();) {
        if (in_use(it->first)) {
            ++it;
            continue;
        }
        for (size_t i = 0; i < it->second.size(); i++)
            if (!std::isnan(it->first[i])) fault("an accumulator register was written while wgmma was in flight");
        std::copy(it->second.begin(), it->second.end(), it->first);
        it = group.live.erase(it);
    }
}

}  // namespace

void wgmma_fence() { self->wgmma_fenced = true; }

void wgmma(Type type, int n, float* d, const uint32_t* a_registers, uint64_t a_descriptor, uint64_t b_descriptor, bool accumulate, Major a_major,
           Major b_major) {
    IssueArguments arguments{type, n, d, a_registers, a_descriptor, b_descriptor, accumulate, a_major, b_major, EMU_CALLER};
    if (n % 8 || n < 8 || n > 256) fault("wgmma n = %d", n);
    if (type == Type::tf32 && (a_major != Major::k || b_major != Major::k)) fault("wgmma: tf32 operands are K-major only");
    Warpgroup& mine = block->groups[self->linear / 128];
    if (!mine.live.count(d) && !self->wgmma_fenced) fault("wgmma without wgmma.fence after its registers were last touched");
    meet(kind_issue, "wgmma.mma_async", &arguments, execute_issue);
}

void wgmma_commit() {
    meet(kind_commit, "wgmma.commit_group", nullptr, [](Warpgroup& group) { group.group++; });
    self->wgmma_fenced = false;
}

void wgmma_wait(int groups_in_flight) {
    meet(kind_wait, "wgmma.wait_group", reinterpret_cast<void*>(intptr_t(groups_in_flight)), execute_wait);
}

void set_max_registers(int count) {
    if (count % 8 || count < 24 || count > 256) fault("setmaxnreg %d", count);
    meet(kind_registers, "setmaxnreg", nullptr, [](Warpgroup&) {});
}

}  // namespace emu
