// Barriers of warps, blocks and clusters, mbarriers as a pipeline, and the order of atomics between blocks.
#include "device/last_arriver.cuh"
#include "support.h"

using namespace lsk;
using namespace lsk::test;

// Warp 0 hands a box of numbers to warp 1, four times.
static __global__ void hand_over(int* sums) {
    LSK_SHARED(raw);
    auto* box = reinterpret_cast<int*>(raw);
    const int lane = threadIdx.x % 32;
    constexpr int full = 1;
    constexpr int empty = 2;
    for (int round = 0; round < 4; round++) {
        if (threadIdx.x < 32) {
            ptx::named_barrier_sync(empty, 64);
            box[lane] = round * 100 + lane;
            ptx::named_barrier_arrive(full, 64);
        } else {
            ptx::named_barrier_arrive(empty, 64);
            ptx::named_barrier_sync(full, 64);
            sums[round * 32 + lane] = box[31 - lane];
        }
    }
}

static __global__ void count_votes(int* out) {
    const int odd = threadIdx.x % 2;
    const int all_even = __syncthreads_and(odd == 0);
    const int any_odd = __syncthreads_or(odd);
    const int odds = __syncthreads_count(odd);
    if (threadIdx.x == 5) {
        out[0] = all_even;
        out[1] = any_odd != 0;
        out[2] = odds;
    }
}

// One producer warp, one consumer warp, a ring of two stages.
static __global__ void ring(const float* in, float* out, int rounds) {
#if LSK_HAS_SM90A
    struct Shared {
        float stage[2][32];
        uint64_t full[2];
        uint64_t empty[2];
    };
    LSK_SHARED(raw);
    auto& shared = *reinterpret_cast<Shared*>(raw);
    const int lane = threadIdx.x % 32;
    if (threadIdx.x == 0) {
        for (int s = 0; s < 2; s++) {
            ptx::mbarrier_init(ptx::shared_address(&shared.full[s]), 32);
            ptx::mbarrier_init(ptx::shared_address(&shared.empty[s]), 32);
        }
        ptx::fence_mbarrier_init();
    }
    __syncthreads();
    for (int round = 0; round < rounds; round++) {
        const int stage = round % 2;
        const uint32_t parity = uint32_t(round / 2 % 2);
        const uint32_t full = ptx::shared_address(&shared.full[stage]);
        const uint32_t empty = ptx::shared_address(&shared.empty[stage]);
        if (threadIdx.x < 32) {
            ptx::mbarrier_wait(empty, parity ^ 1);
            shared.stage[stage][lane] = in[round * 32 + lane];
            ptx::mbarrier_arrive(full);
        } else {
            ptx::mbarrier_wait(full, parity);
            out[round * 32 + lane] = shared.stage[stage][31 - lane];
            ptx::mbarrier_arrive(empty);
        }
    }
#endif
}

// Every block of a cluster writes to its neighbour, three ways, and reads from it.
static __global__ void neighbours(uint32_t* out) {
#if LSK_HAS_SM90A
    struct Shared {
        uint32_t mine;
        uint32_t stored;
        uint32_t sent;
        uint64_t arrived;
    };
    LSK_SHARED(raw);
    auto& shared = *reinterpret_cast<Shared*>(raw);
    const uint32_t rank = ptx::cluster_rank();
    const uint32_t blocks = ptx::cluster_blocks();
    const uint32_t next = (rank + 1) % blocks;
    const auto there = [&](const void* place) { return ptx::map_shared(ptx::shared_address(place), next); };
    if (threadIdx.x == 0) {
        shared.mine = 100 + rank;
        ptx::mbarrier_init(ptx::shared_address(&shared.arrived), 1);
        ptx::fence_mbarrier_init();
        ptx::mbarrier_arrive_expect_tx(ptx::shared_address(&shared.arrived), 4);
    }
    ptx::cluster_arrive();
    ptx::cluster_wait();
    uint32_t seen = 0;
    if (threadIdx.x == 0) {
        seen = ptx::load_cluster32(there(&shared.mine));
        ptx::store_cluster32(there(&shared.stored), 200 + rank);
        ptx::store_async32(there(&shared.sent), 300 + rank, there(&shared.arrived));
        ptx::mbarrier_wait(ptx::shared_address(&shared.arrived), 0);
    }
    ptx::cluster_arrive();
    ptx::cluster_wait();
    if (threadIdx.x == 0) {
        out[blockIdx.x * 3] = seen;
        out[blockIdx.x * 3 + 1] = shared.stored;
        out[blockIdx.x * 3 + 2] = shared.sent;
    }
#endif
}

// Each block of a cluster loads its part of a tile into all blocks.
static __global__ void multicast(const float* in, float* out) {
#if LSK_HAS_SM90A
    struct Shared {
        alignas(128) float tile[4][32];
        uint64_t full;
    };
    LSK_SHARED(raw);
    auto& shared = *reinterpret_cast<Shared*>(raw);
    const uint32_t rank = ptx::cluster_rank();
    const uint32_t blocks = ptx::cluster_blocks();
    const uint32_t full = ptx::shared_address(&shared.full);
    if (threadIdx.x == 0) {
        ptx::mbarrier_init(full, 1);
        ptx::fence_mbarrier_init();
        ptx::mbarrier_arrive_expect_tx(full, blocks * 128);
    }
    ptx::cluster_arrive();    // every block's barrier is ready before anybody loads
    ptx::cluster_wait();
    if (threadIdx.x == 0) ptx::bulk_load_multicast(ptx::shared_address(shared.tile[rank]), in + rank * 32, 128, full, uint16_t((1 << blocks) - 1));
    ptx::mbarrier_wait(full, 0);
    for (uint32_t part = 0; part < blocks; part++) out[(blockIdx.x * 4 + part) * 32 + threadIdx.x] = shared.tile[part][threadIdx.x];
    ptx::cluster_arrive();    // nobody leaves while others may still write into it
    ptx::cluster_wait();
#endif
}

// All blocks store a partial sum; the last one adds them up in order.
static __global__ void sum_of_blocks(float* partial, unsigned* ticket, float* total) {
    partial[blockIdx.x * blockDim.x + threadIdx.x] = float(blockIdx.x + 1);
    if (!arrives_last(ticket, gridDim.x)) return;
    float sum = 0.0f;
    for (unsigned block = 0; block < gridDim.x; block++) sum += partial[block * blockDim.x + threadIdx.x];
    total[threadIdx.x] = sum;
}

// The same with relaxed atomics and fences.
static __global__ void sum_with_fences(float* partial, unsigned* ticket, float* total) {
    partial[blockIdx.x * blockDim.x + threadIdx.x] = float(blockIdx.x + 1);
    __syncthreads();
    int last = 0;
    if (threadIdx.x == 0) {
        __threadfence();
        last = atomicAdd(ticket, 1u) == gridDim.x - 1;
        __threadfence();
    }
    if (!__syncthreads_or(last)) return;
    float sum = 0.0f;
    for (unsigned block = 0; block < gridDim.x; block++) sum += partial[block * blockDim.x + threadIdx.x];
    total[threadIdx.x] = sum;
}

TEST_SUITE("barriers") {
    TEST_CASE("named barriers hand over between warps") {
        const DeviceArray<int> sums(128);
        run({1, 64, 128}, hand_over, sums);
        const std::vector<int> got = sums.values();
        for (int round = 0; round < 4; round++)
            for (int lane = 0; lane < 32; lane++) CHECK(got[size_t(round * 32 + lane)] == round * 100 + 31 - lane);
    }

    TEST_CASE("block barriers count, and combine predicates") {
        const DeviceArray<int> out(3);
        run({1, 96}, count_votes, out);
        CHECK(out.values() == std::vector<int>{0, 1, 48});
    }

    TEST_CASE("mbarriers make a ring of stages") {
        if (!has_sm90()) return;
        const std::vector<float> values = small_integers(32 * 9, 1);
        const DeviceArray<float> in(values);
        const DeviceArray<float> out(values.size());
        run({1, 64, 512}, ring, in, out, 9);
        const std::vector<float> got = out.values();
        for (size_t i = 0; i < values.size(); i++) CHECK(got[i] == values[i / 32 * 32 + 31 - i % 32]);
    }

    TEST_CASE("blocks of a cluster read, write and send into each other's shared memory") {
        if (!has_sm90()) return;
        for (const unsigned blocks : {2u, 4u}) {
            const DeviceArray<uint32_t> out(8 * 3);
            Grid grid{8, 32, 256};
            grid.attributes.cluster = dim3(blocks);
            run(grid, neighbours, out);
            const std::vector<uint32_t> got = out.values();
            for (uint32_t block = 0; block < 8; block++) {
                const uint32_t rank = block % blocks;
                CHECK(got[block * 3] == 100 + (rank + 1) % blocks);
                CHECK(got[block * 3 + 1] == 200 + (rank + blocks - 1) % blocks);
                CHECK(got[block * 3 + 2] == 300 + (rank + blocks - 1) % blocks);
            }
        }
    }

    TEST_CASE("a multicast load arrives in every block") {
        if (!has_sm90()) return;
        const std::vector<float> values = small_integers(128, 2);
        const DeviceArray<float> in(values);
        const DeviceArray<float> out(4 * 128);
        Grid grid{4, 32, 1024};
        grid.attributes.cluster = dim3(4);
        run(grid, multicast, in, out);
        const std::vector<float> got = out.values();
        for (size_t i = 0; i < got.size(); i++) CHECK(got[i] == values[i % 128]);
    }

    TEST_CASE("the last block to arrive sees what all others stored, launch after launch") {
        const unsigned blocks = 9;
        const DeviceArray<unsigned> ticket(std::vector<unsigned>{0});
        for (int launch = 0; launch < 2; launch++) {
            const DeviceArray<float> partial(blocks * 64);
            const DeviceArray<float> total(64);
            run({blocks, 64}, sum_of_blocks, partial, ticket, total);
            for (const float sum : total.values()) CHECK(sum == 45.0f);
            CHECK(ticket.values()[0] == 0);
        }
        const DeviceArray<float> partial(blocks * 64);
        const DeviceArray<float> total(64);
        run({blocks, 64}, sum_with_fences, partial, ticket, total);
        for (const float sum : total.values()) CHECK(sum == 45.0f);
    }
}
