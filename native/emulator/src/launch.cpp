// The grid loop: blocks (or clusters) are spread over worker threads. The caller's thread never runs a fiber.
#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include "state.h"

namespace emu {

// ---- totals -------------------------------------------------------------------------------------------------------

static std::mutex totals_mutex;
static Totals all_totals;

Totals totals() {
    std::lock_guard<std::mutex> guard(totals_mutex);
    return all_totals;
}

void reset_totals() {
    std::lock_guard<std::mutex> guard(totals_mutex);
    all_totals = Totals();
}

static void add(const Totals& more) {
    static_assert(sizeof(Totals) % sizeof(uint64_t) == 0);
    std::lock_guard<std::mutex> guard(totals_mutex);
    auto* to = reinterpret_cast<uint64_t*>(&all_totals);
    const auto* from = reinterpret_cast<const uint64_t*>(&more);
    for (size_t i = 0; i < sizeof(Totals) / sizeof(uint64_t); i++) to[i] += from[i];
}

// ---- one cluster ----------------------------------------------------------------------------------------------------

static uint64_t count(const Dim& size) { return uint64_t(size.x) * size.y * size.z; }

static uint3 position(const Dim& size, uint64_t linear) {
    return {unsigned(linear % size.x), unsigned(linear / size.x % size.y), unsigned(linear / size.x / size.y)};
}

static Dim clusters_of(const Launch& launch) {
    return {launch.grid.x / launch.cluster.x, launch.grid.y / launch.cluster.y, launch.grid.z / launch.cluster.z};
}

static void prepare_block(Cluster& cluster, Block& owner) {
    const Launch& launch = *cluster.launch;
    const Dim& size = launch.block;
    owner.cluster = &cluster;
    owner.threads = owner.live = size.x * size.y * size.z;
    owner.dynamic_bytes = uint32_t(launch.shared_bytes);
    owner.arena = take_arena(owner.rank, owner.dynamic_bytes);
    owner.fibers.resize(owner.threads);
    owner.warps.resize((owner.threads + 31) / 32);
    owner.groups.resize((owner.threads + 127) / 128);
    for (uint32_t i = 0; i < owner.threads; i++) {
        Fiber& fiber = owner.fibers[i];
        Warp& warp = owner.warps[i / 32];
        fiber.linear = i;
        fiber.lane = i % 32;
        fiber.agent = owner.rank * owner.threads + i;
        fiber.warp = &warp;
        fiber.block = &owner;
        fiber.thread_index = {i % size.x, i / size.x % size.y, i / size.x / size.y};
        warp.index = i / 32;
        warp.block = &owner;
        warp.lanes[fiber.lane] = &fiber;
        warp.alive |= 1u << fiber.lane;
    }
    cluster.threads += owner.threads;
}

static void run_one(const Launch& launch, uint64_t index) {
    Cluster cluster;
    cluster.launch = &launch;
    cluster.index = index;
    cluster.random.seed(config().seed * 0x9e3779b97f4a7c15ull + index);
    const uint3 at = position(clusters_of(launch), index);
    const Dim& size = launch.cluster;
    for (uint32_t rank = 0; rank < count(size); rank++) {
        const uint3 within = position(size, rank);
        Block& owner = cluster.blocks.emplace_back();
        owner.rank = rank;
        owner.index = {at.x * size.x + within.x, at.y * size.y + within.y, at.z * size.z + within.z};
        prepare_block(cluster, owner);
    }
    cluster.live = cluster.threads;
    ::blockDim = {launch.block.x, launch.block.y, launch.block.z};
    ::gridDim = {launch.grid.x, launch.grid.y, launch.grid.z};
    run_cluster(cluster);
    cluster.totals.blocks = cluster.blocks.size();
    add(cluster.totals);
}

constexpr uint64_t max_cluster_blocks = 8;     // what every device with clusters promises

static bool valid(const Launch& launch) {
    const Dim& grid = launch.grid;
    const Dim& cluster = launch.cluster;
    const bool block_fits = count(launch.block) >= 1 && count(launch.block) <= 1024 && launch.block.z <= 64;
    const bool grid_fits = count(grid) >= 1 && grid.x <= 0x7fffffffu && grid.y <= 65535 && grid.z <= 65535;
    if (!block_fits || !grid_fits) return false;
    if (count(cluster) == 1) return true;
    return count(cluster) >= 1 && count(cluster) <= max_cluster_blocks && config().compute_capability >= 90 && grid.x % cluster.x == 0 &&
           grid.y % cluster.y == 0 && grid.z % cluster.z == 0;
}

int launch(const Launch& launch) {
    static auto* const device = new std::mutex;        // one launch at a time
    if (!valid(launch)) return cudaErrorInvalidConfiguration;
    if (launch.shared_bytes > max_shared_bytes()) return cudaErrorInvalidValue;
    std::lock_guard<std::mutex> guard(*device);
    if (!last_error().empty()) return cudaErrorLaunchFailure;    // sticky, as on the device
    const Config& c = config();
    race_checked = c.race_check;
    instrumented = c.race_check || c.statistics;
    const uint64_t clusters = count(clusters_of(launch));
    std::vector<uint64_t> order;
    if (c.schedule != Schedule::inorder) {
        order.resize(clusters);
        for (uint64_t i = 0; i < clusters; i++) order[i] = i;
        std::mt19937_64 random(c.seed);
        std::shuffle(order.begin(), order.end(), random);
    }
    std::atomic<uint64_t> next{0};
    std::atomic<bool> failed{false};
    const std::function<void()> work = [&] {
        for (uint64_t i; (i = next++) < clusters && !failed;) {
            run_one(launch, order.empty() ? i : order[i]);
            if (!last_error().empty()) failed = true;
        }
    };
    if (race_checked) race_launch();
    // The race checker's shadow of global memory belongs to one thread at a time, and its verdict should not depend on timing.
    const int wanted = race_checked ? 1 : c.workers > 0 ? c.workers : std::max(1, int(std::thread::hardware_concurrency()));
    run_on_workers(int(std::min<uint64_t>(uint64_t(wanted), clusters)), work);
    Totals one;
    one.launches = 1;
    add(one);
    return failed ? cudaErrorLaunchFailure : cudaSuccess;
}

}  // namespace emu
