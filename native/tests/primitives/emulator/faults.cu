// Misuse of every kind is a fault that says what was wrong.
#include "emulator/expect.h"

using namespace lsk;
using namespace lsk::test;

enum class Misuse {
    none,
    mbarrier_never_completed,
    barrier_not_reached,
    divergent_shuffle,
    shuffle_outside_mask,
    shuffle_from_absent_lane,
    copy_in_flight_at_exit,
    copy_outside_shared_memory,
    copy_misaligned,
    copy_target_overwritten,
    ldmatrix_misaligned,
    store_shared_outside,
    mbarrier_not_initialised,
    mbarrier_too_many_arrivals,
    mbarrier_overwritten,
    mbarrier_twice,
    mbarrier_not_fenced,
    load_in_flight_at_exit,
    store_source_in_flight_at_exit,
    bulk_size,
    named_barrier_id,
    named_barrier_size,
    cluster_address_outside,
    trap,
    polls_forever,
};

struct Shared {
    alignas(128) uint32_t words[64];
    uint64_t barrier;
};

static __global__ void misuse(Misuse what, uint32_t* global) {
    LSK_SHARED(raw);
    auto& shared = *reinterpret_cast<Shared*>(raw);
    const unsigned lane = threadIdx.x;
    const uint32_t words = ptx::shared_address(shared.words);
    const uint32_t barrier = ptx::shared_address(&shared.barrier);
    const auto initialise = [&](uint32_t count) {
        if (lane == 0) {
            ptx::mbarrier_init(barrier, count);
            ptx::fence_mbarrier_init();
        }
        __syncwarp();
    };
    uint32_t r[4] = {};
    switch (what) {
    case Misuse::none:
        break;
    case Misuse::mbarrier_never_completed:
        initialise(1);
        ptx::mbarrier_wait(barrier, 0);
        break;
    case Misuse::barrier_not_reached:
        initialise(33);
        ptx::mbarrier_arrive(barrier);
        if (lane < 16) ptx::named_barrier_sync(1, 32);
        break;
    case Misuse::divergent_shuffle:
        if (lane < 16)
            global[lane] = __shfl_xor_sync(0xffffffffu, lane, 1);
        else
            __syncwarp();
        break;
    case Misuse::shuffle_outside_mask:
        global[lane] = __shfl_xor_sync(0x0000ffffu, lane, 1);
        break;
    case Misuse::shuffle_from_absent_lane:
        if (lane < 16) global[lane] = __shfl_xor_sync(0x0000ffffu, lane, 16);
        break;
    case Misuse::copy_in_flight_at_exit:
        ptx::cp_async4(words + lane * 4, global + lane, true);
        ptx::cp_async_commit();
        break;
    case Misuse::copy_outside_shared_memory:
        ptx::cp_async4(words + 4096, global, true);
        break;
    case Misuse::copy_misaligned:
        ptx::cp_async16(words + 4, global, true);
        break;
    case Misuse::copy_target_overwritten:
        ptx::cp_async4(words, global, lane == 0);
        __syncwarp();
        ptx::cp_async_commit();
        ptx::cp_async_wait<0>();
        break;
    case Misuse::ldmatrix_misaligned:
        shared.words[lane] = shared.words[lane + 32] = 1;
        __syncwarp();
        ptx::ldmatrix_x4(r, words + lane * 4);
        break;
    case Misuse::store_shared_outside:
        ptx::store_shared32(words + 8192, 1);
        break;
    case Misuse::mbarrier_not_initialised:
        ptx::mbarrier_arrive(barrier);
        break;
    case Misuse::mbarrier_too_many_arrivals:
        initialise(8);
        if (lane < 4) {
            ptx::mbarrier_expect_tx(barrier, 16);
            ptx::mbarrier_arrive(barrier);
            ptx::mbarrier_arrive(barrier);
            ptx::mbarrier_arrive(barrier);
        }
        break;
    case Misuse::mbarrier_overwritten:
        initialise(32);
        if (lane == 0) ptx::store_shared32(barrier, 0);
        __syncwarp();
        ptx::mbarrier_arrive(barrier);
        break;
    case Misuse::mbarrier_twice:
        ptx::mbarrier_init(barrier, 1);
        break;
    case Misuse::mbarrier_not_fenced:
        if (lane == 0) {
            ptx::mbarrier_init(barrier, 1);
            ptx::mbarrier_arrive_expect_tx(barrier, 16);
            ptx::bulk_load(words, global, 16, barrier);
        }
        break;
    case Misuse::load_in_flight_at_exit:
        initialise(1);
        if (lane == 0) {
            ptx::mbarrier_arrive_expect_tx(barrier, 16);
            ptx::bulk_load(words, global, 16, barrier);
        }
        break;
    case Misuse::store_source_in_flight_at_exit:
        shared.words[lane] = 1;
        ptx::fence_proxy_async();
        __syncwarp();
        if (lane == 0) {
            ptx::bulk_store(global, words, 128);
            ptx::bulk_commit();
        }
        break;
    case Misuse::bulk_size:
        initialise(1);
        ptx::bulk_load(words, global, 20, barrier);
        break;
    case Misuse::named_barrier_id:
        ptx::named_barrier_sync(16, 32);
        break;
    case Misuse::named_barrier_size:
        ptx::named_barrier_sync(1, lane < 16 ? 32 : 64);
        break;
    case Misuse::cluster_address_outside:
        global[lane] = ptx::load_cluster32(ptx::map_shared(words, 1));
        break;
    case Misuse::trap:
        if (lane == 3) __trap();
        break;
    case Misuse::polls_forever:
        while (ptx::load_acquire_gpu(global) != 12345) {
        }
        break;
    }
}

static __global__ void accumulate_wrongly(int mistake, float* out) {
    LSK_SHARED(raw);
    for (unsigned i = threadIdx.x; i < 2048; i += 128) reinterpret_cast<uint32_t*>(raw)[i] = 0x3f803f80u;
    ptx::fence_proxy_async();
    __syncthreads();
    const uint64_t tile = ptx::descriptor_128b(ptx::shared_address(raw), 16, 1024);
    float d[32] = {};
    if (mistake != 1) ptx::wgmma_fence();
    ptx::wgmma_m64k16<bf16, 64, ptx::Major::k, ptx::Major::k>(d, tile + (mistake == 2 ? 4096 : 0), tile, false);
    ptx::wgmma_commit();
    if (mistake == 3) d[0] = 0.0f;
    ptx::wgmma_wait<0>();
    out[threadIdx.x] = d[0];
}

static __global__ void loop_forever(volatile int* flag) {
    while (*flag == 0) {
    }
}

// One block of a cluster ends before another reads its memory.
static __global__ void leave_early(uint32_t* out) {
    LSK_SHARED(raw);
    auto* word = reinterpret_cast<uint32_t*>(raw);
    if (threadIdx.x == 0) *word = 1;
    ptx::cluster_arrive();
    ptx::cluster_wait();
    if (ptx::cluster_rank() == 1) return;
    out[0] = ptx::load_cluster32(ptx::map_shared(ptx::shared_address(word), 1));
}

TEST_SUITE("faults") {
    TEST_CASE("misuse is a fault with the right message") {
        const Settings settings;
        emu::config().spin_limit = 10000;
        const DeviceArray<uint32_t> global(std::vector<uint32_t>(64, 7u));
        const auto expect = [&](Misuse what, const char* text) {
            CAPTURE(int(what));
            expect_fault(text, {1, 32, sizeof(Shared)}, misuse, what, global);
        };
        expect_clean({1, 32, sizeof(Shared)}, misuse, Misuse::none, global);
        expect(Misuse::mbarrier_never_completed, "deadlock: 32 threads (0..31) wait for mbarrier.try_wait");
        expect(Misuse::barrier_not_reached, "16 threads (0..15) wait for bar.sync 0x1;");
        expect(Misuse::divergent_shuffle, "warp 0 diverged");
        expect(Misuse::shuffle_outside_mask, "calling lane 16 is not in mask 0x0000ffff");
        expect(Misuse::shuffle_from_absent_lane, "lane 0 reads lane 16, which does not take part");
        expect(Misuse::copy_in_flight_at_exit, "thread exits with 1 cp.async copies still in flight");
        expect(Misuse::copy_outside_shared_memory, "outside the block's");
        expect(Misuse::copy_misaligned, "cp.async: misaligned");
        expect(Misuse::ldmatrix_misaligned, "is not 16-byte aligned");
        expect(Misuse::store_shared_outside, "outside the block's");
        expect(Misuse::mbarrier_not_initialised, "no mbarrier was initialised");
        expect(Misuse::mbarrier_twice, "initialised twice");
        expect(Misuse::mbarrier_too_many_arrivals, "more arrivals in phase 0 than its count 8");
        expect(Misuse::mbarrier_not_fenced, "before fence.mbarrier_init");
        expect(Misuse::load_in_flight_at_exit, "block ends with bulk copies into its shared memory in flight");
        expect(Misuse::store_source_in_flight_at_exit, "thread exits while bulk copies still read shared memory");
        expect(Misuse::bulk_size, "not a multiple of 16");
        expect(Misuse::named_barrier_id, "named barrier 16 does not exist");
        expect(Misuse::named_barrier_size, "threads disagree on its size");
        expect(Misuse::cluster_address_outside, "block 1 is not in the cluster of 1");
        expect(Misuse::trap, "__trap() [test block (0,0,0) thread 3]");
        expect(Misuse::polls_forever, "no progress");
    }

    TEST_CASE("overwriting what a copy or a barrier owns is a fault, or a race where races are checked") {
        const Settings settings;
        const DeviceArray<uint32_t> global(std::vector<uint32_t>(64, 7u));
        const bool races = emu::config().race_check;
        expect_fault(races ? "while the copy issued at" : "was written while a cp.async", {1, 32, sizeof(Shared)}, misuse, Misuse::copy_target_overwritten,
                     global);
        expect_fault("was overwritten", {1, 32, sizeof(Shared)}, misuse, Misuse::mbarrier_overwritten, global);
    }

    TEST_CASE("wgmma: missing fence, operand outside, accumulator touched in flight") {
        const Settings settings;
        const DeviceArray<float> out(128);
        expect_clean({1, 128, 8192}, accumulate_wrongly, 0, out);
        expect_fault("wgmma without wgmma.fence", {1, 128, 8192}, accumulate_wrongly, 1, out);
        expect_fault("wgmma operand: shared address", {1, 128, 8192}, accumulate_wrongly, 2, out);
        expect_fault("an accumulator register was written while wgmma was in flight", {1, 128, 8192}, accumulate_wrongly, 3, out);
    }

    TEST_CASE("a thread that never waits is stopped by the watchdog") {
        const Settings settings;
        emu::config().watchdog_seconds = 0.05;
        const DeviceArray<int> flag(std::vector<int>{0});
        expect_fault("watchdog: a thread loops without ever waiting", {2, 32}, loop_forever, flag);
        expect_clean({1, 32, sizeof(Shared)}, misuse, Misuse::none, nullptr);
    }

    TEST_CASE("threads that poll for longer than the watchdog allows are named") {
        const Settings settings;
        emu::config().watchdog_seconds = 0.05;
        emu::config().spin_limit = ~uint64_t(0);
        const DeviceArray<uint32_t> global(std::vector<uint32_t>(64, 7u));
        expect_fault("32 threads (0..31) wait for nothing: they run", {1, 32, sizeof(Shared)}, misuse, Misuse::polls_forever, global);
    }

    TEST_CASE("shared memory of a block that has ended is gone") {
        const Settings settings;
        const DeviceArray<uint32_t> out(1);
        Grid grid{2, 1, 64};
        grid.attributes.cluster = dim3(2);
        expect_fault("block 1 of the cluster has ended", grid, leave_early, out);
    }

    TEST_CASE("a fault is sticky: every later launch, copy and wait reports it") {
        const Settings settings;
        const DeviceArray<uint32_t> global(64);
        CHECK(try_run({1, 32, sizeof(Shared)}, misuse, Misuse::trap, global) == cudaErrorLaunchFailure);
        CHECK(try_run({1, 32, sizeof(Shared)}, misuse, Misuse::none, global) == cudaErrorLaunchFailure);
        CHECK(cudaMemset(global, 0, 4) == cudaErrorLaunchFailure);
        CHECK(std::string(cudaGetErrorString(cudaErrorLaunchFailure)).find("__trap()") != std::string::npos);
    }

    TEST_CASE("an impossible launch is refused and leaves the device usable") {
        const Settings settings;
        const DeviceArray<uint32_t> global(64);
        CHECK(try_run({1, 1025}, misuse, Misuse::none, global) == cudaErrorInvalidConfiguration);
        CHECK(try_run({0, 32}, misuse, Misuse::none, global) == cudaErrorInvalidConfiguration);
        CHECK(try_run({1, 32, 228 * 1024}, misuse, Misuse::none, global) == cudaErrorInvalidValue);
        Grid cluster{3, 32, sizeof(Shared)};
        cluster.attributes.cluster = dim3(2);
        CHECK(try_run(cluster, misuse, Misuse::none, global) == cudaErrorInvalidConfiguration);
        expect_clean({1, 32, sizeof(Shared)}, misuse, Misuse::none, global);
    }
}
