// Vector clocks: what every thread knows of the others, and how barriers, fences and atomics pass it on.
#include <algorithm>
#include <unordered_map>
#include "state.h"

namespace emu {

bool race_checked = false;

static void join(Clocks& into, const Clocks& from) {
    if (into.empty()) {
        into = from;
        return;
    }
    for (size_t i = 0; i < into.size(); i++) into[i] = std::max(into[i], from[i]);
}

static bool covers(const Clocks& known, const Clocks& other) {
    for (size_t i = 0; i < other.size(); i++)
        if (known[i] < other[i]) return false;
    return true;
}

static bool covers(const View& known, const View& other) {
    for (const auto& [cluster, clocks] : other) {
        const auto it = known.find(cluster);
        if (it == known.end() || (it->second != clocks && !covers(*it->second, *clocks))) return false;
    }
    return true;
}

static SharedView joined(const SharedView& a, const SharedView& b) {
    if (!b || a == b) return a;
    if (!a || covers(*b, *a)) return b;
    if (covers(*a, *b)) return a;
    View both = *a;
    for (const auto& [cluster, clocks] : *b) {
        auto& mine = both[cluster];
        if (!mine) {
            mine = clocks;
            continue;
        }
        Clocks merged = *mine;
        join(merged, *clocks);
        mine = std::make_shared<const Clocks>(std::move(merged));
    }
    return std::make_shared<const View>(std::move(both));
}

// The thread learns what a view holds.
static void learn(Fiber& fiber, const SharedView& view) {
    if (!view) return;
    const uint64_t own = fiber.block->cluster->index;
    const auto it = view->find(own);
    if (it != view->end()) join(fiber.clock.now, *it->second);
    fiber.clock.foreign = joined(fiber.clock.foreign, view);
}

// Everything the thread knows, its own cluster included; what it does afterwards is not part of it.
static SharedView knowledge(Fiber& fiber) {
    View view = fiber.clock.foreign ? *fiber.clock.foreign : View();
    view[fiber.block->cluster->index] = std::make_shared<const Clocks>(fiber.clock.now);
    fiber.clock.now[fiber.agent]++;
    return std::make_shared<const View>(std::move(view));
}

void race_release(Fiber& fiber, SyncClock& into) {
    if (!race_checked) return;
    join(into.joined, fiber.clock.now);
    into.foreign = joined(into.foreign, fiber.clock.foreign);
    into.fenced = joined(into.fenced, fiber.clock.fenced);
    into.observed = joined(into.observed, fiber.clock.observed);
    fiber.clock.now[fiber.agent]++;
}

void race_acquire(Fiber& fiber, const SyncClock& from) {
    if (!race_checked || from.joined.empty()) return;
    join(fiber.clock.now, from.joined);
    fiber.clock.foreign = joined(fiber.clock.foreign, from.foreign);
    fiber.clock.fenced = joined(fiber.clock.fenced, from.fenced);
    fiber.clock.observed = joined(fiber.clock.observed, from.observed);
}

void race_proxy_fence(Fiber& fiber) {
    if (race_checked) fiber.clock.proxy_fence = fiber.clock.now[fiber.agent];
}

bool happened_before(const Fiber& fiber, uint64_t cluster, uint32_t agent, Clock clock) {
    if (cluster == fiber.block->cluster->index) return fiber.clock.now[agent] >= clock;
    if (!fiber.clock.foreign) return false;
    const auto it = fiber.clock.foreign->find(cluster);
    return it != fiber.clock.foreign->end() && (*it->second)[agent] >= clock;
}

// ---- fences and atomics -------------------------------------------------------------------------------------------

// A relaxed atomic hands on what is fenced, and what it observes counts from the next fence; release and acquire atomics carry the fence in
// themselves.
static std::unordered_map<const void*, SharedView>& handed_over() {
    static std::unordered_map<const void*, SharedView> by_address;
    return by_address;
}

void race_thread_fence(Fiber& fiber) {
    if (!race_checked) return;
    learn(fiber, fiber.clock.observed);
    fiber.clock.observed.reset();
    fiber.clock.fenced = joined(fiber.clock.fenced, knowledge(fiber));
}

void race_atomic_order(Fiber& fiber, const void* address, Touch touch, Order order) {
    if (!race_checked) return;
    SharedView& location = handed_over()[address];
    if (touch != Touch::write) {
        if (order == Order::acquire || order == Order::acquire_release)
            learn(fiber, location);
        else
            fiber.clock.observed = joined(fiber.clock.observed, location);
    }
    if (touch == Touch::read) return;
    const bool releases = order == Order::release || order == Order::acquire_release;
    const SharedView handed = releases ? knowledge(fiber) : fiber.clock.fenced;
    location = touch == Touch::write ? handed : joined(location, handed);
}

void race_forget_atomics() { handed_over().clear(); }

}  // namespace emu
