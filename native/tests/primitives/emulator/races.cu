// The race checker: what lacks a barrier or a fence is reported, what has it is not. Only race builds check.
#include "device/last_arriver.cuh"
#include "emulator/expect.h"

using namespace lsk;
using namespace lsk::test;

enum class Shape {
    ordered,
    no_barrier,                  // shared memory: written and read by different warps
    no_warp_barrier,             // by lanes of one warp
    shuffle_is_no_barrier,
    read_before_wait,            // cp.async
    wait_but_no_barrier,         // other threads' copies
    next_copy_too_early,         // the stage is still read
    nobody_wrote,
    stage_released_too_early,    // mbarrier: arrive before the last read
    wrong_barrier,               // bulk load observed through another barrier
    no_proxy_fence,
    bulk_source_reused,
};

struct Shared {
    alignas(128) float stage[2][64];
    uint64_t barriers[2];
};

static __global__ void shared_memory(Shape shape, const float* in, float* out) {
    LSK_SHARED(raw);
    auto& shared = *reinterpret_cast<Shared*>(raw);
    const unsigned thread = threadIdx.x;
    const auto address = [](const auto& place) { return ptx::shared_address(&place); };
    switch (shape) {
    case Shape::ordered:
    case Shape::no_barrier:
        shared.stage[0][thread] = 1.0f;
        if (shape == Shape::ordered) __syncthreads();
        out[thread] = shared.stage[0][63 - thread];
        break;
    case Shape::no_warp_barrier:
    case Shape::shuffle_is_no_barrier:
        shared.stage[0][thread] = 1.0f;
        if (shape == Shape::shuffle_is_no_barrier) out[thread] = __shfl_xor_sync(0xffffffffu, 1.0f, 1);
        out[thread] = shared.stage[0][thread ^ 1];
        break;
    case Shape::read_before_wait:
    case Shape::wait_but_no_barrier:
        ptx::cp_async4(address(shared.stage[0][thread]), in + thread, true);
        ptx::cp_async_commit();
        if (shape == Shape::wait_but_no_barrier) {
            ptx::cp_async_wait<0>();
            out[thread] = shared.stage[0][63 - thread];
        } else {
            out[thread] = shared.stage[0][thread];
            ptx::cp_async_wait<0>();
        }
        break;
    case Shape::next_copy_too_early:
        shared.stage[0][thread] = 1.0f;
        __syncthreads();
        out[thread] = shared.stage[0][63 - thread];
        ptx::cp_async4(address(shared.stage[0][thread]), in + thread, true);
        ptx::cp_async_commit();
        ptx::cp_async_wait<0>();
        break;
    case Shape::nobody_wrote:
        out[thread] = shared.stage[1][thread];
        break;
    case Shape::stage_released_too_early:
        if (thread == 0) ptx::mbarrier_init(address(shared.barriers[0]), 32);
        shared.stage[0][thread] = 1.0f;
        __syncthreads();
        if (thread < 32) {
            ptx::mbarrier_arrive(address(shared.barriers[0]));
            out[thread] = shared.stage[0][thread];
        } else {
            ptx::mbarrier_wait(address(shared.barriers[0]), 0);
            shared.stage[0][thread - 32] = 2.0f;
        }
        break;
    case Shape::wrong_barrier:
        if (thread == 0) {
            for (auto& barrier : shared.barriers) ptx::mbarrier_init(address(barrier), 1);
            ptx::fence_mbarrier_init();
            for (int i = 0; i < 2; i++) {
                ptx::mbarrier_arrive_expect_tx(address(shared.barriers[i]), 256);
                ptx::bulk_load(address(shared.stage[i]), in, 256, address(shared.barriers[i]));
            }
        }
        __syncthreads();
        ptx::mbarrier_wait(address(shared.barriers[0]), 0);
        out[thread] = shared.stage[1][thread];
        ptx::mbarrier_wait(address(shared.barriers[1]), 0);
        break;
    case Shape::no_proxy_fence:
    case Shape::bulk_source_reused:
        shared.stage[0][thread] = 1.0f;
        if (shape == Shape::bulk_source_reused) ptx::fence_proxy_async();
        __syncthreads();
        if (thread == 0) {
            ptx::bulk_store(out, address(shared.stage[0]), 256);
            ptx::bulk_commit();
        }
        __syncthreads();
        if (shape == Shape::bulk_source_reused) shared.stage[0][thread] = 2.0f;
        if (thread == 0) ptx::bulk_wait_read<0>();
        break;
    }
}

enum class Between {
    separate,               // every thread its own element
    same_element,           // blocks write the same element
    read_of_neighbour,      // a block reads what another writes
    threads_of_a_block,     // without a barrier
    threads_with_barrier,
    ticket,                 // release and acquire in one atomic
    ticket_with_fences,
    ticket_without_fence,
    fence_before_barrier,   // each thread fences its own stores, the ticket's thread comes after a barrier
    no_fence_after_ticket,
    halves_of_a_word,
    atomics,
    atomic_and_store,
    flag,                   // store.release, load.acquire
    relaxed_flag,
};

static __global__ void global_memory(Between what, float* values, unsigned* ticket, float* out) {
    const unsigned thread = threadIdx.x;
    const unsigned at = blockIdx.x * blockDim.x + thread;
    const auto sum = [&] {
        float total = 0.0f;
        for (unsigned block = 0; block < gridDim.x; block++) total += values[block * blockDim.x + thread];
        out[thread] = total;
    };
    switch (what) {
    case Between::separate:
        values[at] = 1.0f;
        out[at] = values[at];
        break;
    case Between::same_element:
        values[thread] = 1.0f;
        break;
    case Between::read_of_neighbour:
        values[at] = 1.0f;
        out[at] = values[(at + blockDim.x) % (gridDim.x * blockDim.x)];
        break;
    case Between::threads_of_a_block:
    case Between::threads_with_barrier:
        values[at] = 1.0f;
        if (what == Between::threads_with_barrier) __syncthreads();
        out[at] = values[at ^ 1];
        break;
    case Between::ticket:
        values[at] = 1.0f;
        if (arrives_last(ticket, gridDim.x)) sum();
        break;
    case Between::ticket_with_fences:
    case Between::ticket_without_fence:
    case Between::fence_before_barrier:
    case Between::no_fence_after_ticket: {
        values[at] = 1.0f;
        if (what == Between::fence_before_barrier) __threadfence();
        __syncthreads();
        int last = 0;
        if (thread == 0) {
            if (what != Between::fence_before_barrier && what != Between::ticket_without_fence) __threadfence();
            last = atomicAdd(ticket, 1u) == gridDim.x - 1;
            if (what != Between::no_fence_after_ticket) __threadfence();
        }
        if (__syncthreads_or(last)) sum();
        break;
    }
    case Between::halves_of_a_word:
        reinterpret_cast<uint16_t*>(values)[at] = uint16_t(at);
        break;
    case Between::atomics:
        atomicAdd(ticket, 1u);
        break;
    case Between::atomic_and_store:
        if (blockIdx.x == 0 && thread == 0)
            *ticket = 5;
        else
            atomicAdd(ticket, 1u);
        break;
    case Between::flag:
    case Between::relaxed_flag:
        if (thread != 0) break;
        if (blockIdx.x == 0) {
            values[0] = 1.0f;
            what == Between::flag ? ptx::store_release_gpu(ticket, 1) : ptx::store_relaxed_gpu(ticket, 1);
        } else if (what == Between::flag) {
            while (ptx::load_acquire_gpu(ticket) != 1) {
            }
            out[blockIdx.x] = values[0];
        } else {
            while (ptx::load_relaxed_gpu(ticket) != 1) {
            }
            out[blockIdx.x] = values[0];
        }
        break;
    }
}

static __global__ void cluster_exchange(int barrier, uint32_t* out) {
    LSK_SHARED(raw);
    auto* word = reinterpret_cast<uint32_t*>(raw);
    ptx::store_cluster32(ptx::map_shared(ptx::shared_address(word), ptx::cluster_rank() ^ 1), 1);
    __syncthreads();
    if (barrier) {
        ptx::cluster_arrive();
        ptx::cluster_wait();
    }
    out[ptx::cluster_rank()] = *word;
}

TEST_SUITE("races") {
    TEST_CASE("shared memory: a missing barrier, wait or fence is reported") {
        const Settings settings;
        if (!emu::config().race_check) return;
        const DeviceArray<float> in(std::vector<float>(64, 3.0f));
        const DeviceArray<float> out(64);
        const Grid grid{1, 64, sizeof(Shared)};
        expect_clean(grid, shared_memory, Shape::ordered, in, out);
        // Lanes run in order: who reads ahead of the writer is told that nobody has written yet.
        expect_fault("reads shared memory nobody wrote before", grid, shared_memory, Shape::no_barrier, in, out);
        expect_fault("reads shared memory nobody wrote before", grid, shared_memory, Shape::no_warp_barrier, in, out);
        expect_fault("reads what races.cu:", grid, shared_memory, Shape::shuffle_is_no_barrier, in, out);
        expect_fault("is in flight (no wait)", grid, shared_memory, Shape::read_before_wait, in, out);
        expect_fault("race: races.cu:", grid, shared_memory, Shape::wait_but_no_barrier, in, out);
        expect_fault("no barrier between", grid, shared_memory, Shape::next_copy_too_early, in, out);
        expect_fault("reads shared memory nobody wrote before", grid, shared_memory, Shape::nobody_wrote, in, out);
        expect_fault("no barrier between", grid, shared_memory, Shape::stage_released_too_early, in, out);
        expect_fault("race: races.cu:", grid, shared_memory, Shape::wrong_barrier, in, out);
        expect_fault("without fence.proxy.async", grid, shared_memory, Shape::no_proxy_fence, in, out);
        expect_fault("race: races.cu:", grid, shared_memory, Shape::bulk_source_reused, in, out);
    }

    TEST_CASE("global memory: blocks are ordered by fences around atomics only") {
        const Settings settings;
        if (!emu::config().race_check) return;
        const DeviceArray<float> out(256);
        const auto clean = [&](Between what) {
            CAPTURE(int(what));
            const DeviceArray<float> values(256);
            const DeviceArray<unsigned> ticket(std::vector<unsigned>{0});
            expect_clean({4, 64}, global_memory, what, values, ticket, out);
        };
        const auto reported = [&](Between what) {
            CAPTURE(int(what));
            const DeviceArray<float> values(256);
            const DeviceArray<unsigned> ticket(std::vector<unsigned>{0});
            expect_fault("global memory that races.cu:", {4, 64}, global_memory, what, values, ticket, out);
        };
        clean(Between::separate);
        reported(Between::same_element);
        reported(Between::read_of_neighbour);
        reported(Between::threads_of_a_block);
        clean(Between::threads_with_barrier);
        clean(Between::ticket);
        clean(Between::ticket_with_fences);
        reported(Between::ticket_without_fence);
        clean(Between::fence_before_barrier);
        reported(Between::no_fence_after_ticket);
        clean(Between::halves_of_a_word);
        clean(Between::atomics);
        reported(Between::atomic_and_store);
        clean(Between::flag);
        reported(Between::relaxed_flag);
    }

    TEST_CASE("launches follow each other") {
        const Settings settings;
        const DeviceArray<float> values(256);
        const DeviceArray<float> out(256);
        const DeviceArray<unsigned> ticket(std::vector<unsigned>{0});
        for (int i = 0; i < 2; i++) expect_clean({4, 64}, global_memory, Between::separate, values, ticket, out);
    }

    TEST_CASE("distributed shared memory needs the cluster's barrier") {
        const Settings settings;
        if (!emu::config().race_check) return;
        const DeviceArray<uint32_t> out(2);
        Grid grid{2, 1, 64};
        grid.attributes.cluster = dim3(2);
        expect_clean(grid, cluster_exchange, 1, out);
        expect_fault("race: races.cu:", grid, cluster_exchange, 0, out);
    }
}
