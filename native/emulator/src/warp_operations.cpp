// The lanes of a warp meeting at one instruction: __syncwarp, shuffles, votes.
#include "state.h"

namespace emu {

void collective(int kind, const char* name, uint32_t mask, void* arguments, void (*execute)(Warp&, Collective&)) {
    Fiber& fiber = *self;
    Warp& warp = *fiber.warp;
    const uint32_t bit = 1u << fiber.lane;
    if (!(mask & bit)) fault("%s: calling lane %u is not in mask 0x%08x", name, fiber.lane, mask);
    mask &= warp.alive;
    size_t index = 0;
    while (index < warp.open.size() && !(warp.open[index].mask & mask)) index++;
    if (index == warp.open.size()) warp.open.push_back({kind, mask});
    Collective& meeting = warp.open[index];
    if (meeting.kind != kind || meeting.mask != mask)
        fault("warp %u diverged: lane %u is at %s mask 0x%08x while lanes 0x%08x wait at another warp instruction (kind %d/%d mask 0x%08x)",
              warp.index, fiber.lane, name, mask, meeting.arrived, kind, meeting.kind, meeting.mask);
    meeting.arrived |= bit;
    meeting.arguments[fiber.lane] = arguments;
    if (meeting.arrived != meeting.mask) return block_here(name, mask);
    Collective complete = meeting;
    warp.open.erase(warp.open.begin() + ptrdiff_t(index));
    if (instrumented && complete.mask == warp.alive) flush_log(warp);
    execute(warp, complete);
    for (uint32_t others = complete.mask & ~bit; others; others &= others - 1) wake(*warp.lanes[__builtin_ctz(others)]);
}

namespace {

enum Kind { kind_sync = 1, kind_shuffle, kind_vote };

template <class F>
void for_lanes(uint32_t mask, F visit) {
    for (; mask; mask &= mask - 1) visit(__builtin_ctz(mask));
}

struct ShuffleArguments {
    Shuffle kind;
    uint64_t value;
    uint32_t lane;
    int width;
    uint64_t result;
};

int source_lane(const ShuffleArguments& a, int me) {
    const int first = me / a.width * a.width;
    const int lane = int(a.lane);
    switch (a.kind) {
    case Shuffle::index:
        return first + int(a.lane % uint32_t(a.width));
    case Shuffle::up:
        return me - lane < first ? me : me - lane;
    case Shuffle::down:
        return me + lane >= first + a.width ? me : me + lane;
    case Shuffle::butterfly:
        return (me ^ lane) >= first + a.width ? me : me ^ lane;
    }
    __builtin_unreachable();
}

struct VoteArguments {
    bool predicate;
    uint32_t result;
};

}  // namespace

void sync_warp(uint32_t mask) {
    collective(kind_sync, "__syncwarp", mask, self, [](Warp&, Collective& meeting) {
        if (!race_checked) return;
        SyncClock joined;
        for_lanes(meeting.mask, [&](int lane) { race_release(*static_cast<Fiber*>(meeting.arguments[lane]), joined); });
        for_lanes(meeting.mask, [&](int lane) { race_acquire(*static_cast<Fiber*>(meeting.arguments[lane]), joined); });
    });
}

uint64_t shuffle(Shuffle kind, uint32_t mask, uint64_t value, uint32_t lane, int width) {
    if (width < 1 || width > 32 || width & (width - 1)) fault("shuffle width %d", width);
    ShuffleArguments arguments{kind, value, lane, width, 0};
    collective(kind_shuffle, "shfl.sync", mask, &arguments, [](Warp&, Collective& meeting) {
        for_lanes(meeting.mask, [&](int me) {
            auto& a = *static_cast<ShuffleArguments*>(meeting.arguments[me]);
            const int from = source_lane(a, me);
            if (!(meeting.mask >> from & 1))
                fault("shuffle: lane %d reads lane %d, which does not take part (mask 0x%08x)", me, from, meeting.mask);
            a.result = static_cast<ShuffleArguments*>(meeting.arguments[from])->value;
        });
    });
    return arguments.result;
}

uint32_t ballot(uint32_t mask, bool predicate) {
    VoteArguments arguments{predicate, 0};
    collective(kind_vote, "vote.sync", mask, &arguments, [](Warp&, Collective& meeting) {
        uint32_t votes = 0;
        for_lanes(meeting.mask, [&](int lane) { votes |= uint32_t(static_cast<VoteArguments*>(meeting.arguments[lane])->predicate) << lane; });
        for_lanes(meeting.mask, [&](int lane) { static_cast<VoteArguments*>(meeting.arguments[lane])->result = votes; });
    });
    return arguments.result;
}

bool elect_one() { return self->lane == uint32_t(__builtin_ctz(self->warp->alive)); }

}  // namespace emu
