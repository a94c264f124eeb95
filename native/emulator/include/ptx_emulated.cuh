// The PTX wrappers for the emulator: every function does what the instruction of the same name in ptx_cuda.cuh does.
#pragma once
#include "device/platform.cuh"

namespace lsk::ptx {

// ---- addresses, arithmetic, conversions -----------------------------------------------------------------------------

LSK_DEVICE uint32_t shared_address(const void* pointer) { return emu::shared_address(pointer); }

LSK_DEVICE int thread_index() { return int(threadIdx.x); }
LSK_DEVICE int thread_count() { return int(blockDim.x); }

LSK_DEVICE float exp2(float x) { return ::exp2f(x); }
LSK_DEVICE float log2(float x) { return ::log2f(x); }
LSK_DEVICE float reciprocal(float x) { return 1.0f / x; }
LSK_DEVICE float tanh(float x) { return ::tanhf(x); }

LSK_DEVICE uint16_t bf16_from_float(float x) { return from_float<bf16>(x).bits; }
LSK_DEVICE uint16_t fp16_from_float(float x) { return from_float<fp16>(x).bits; }
LSK_DEVICE float float_from_fp16(uint16_t bits) { return to_float(fp16{bits}); }
LSK_DEVICE uint32_t to_tf32(float x) {       // rounds half away from zero
    const uint32_t bits = __float_as_uint(x);
    return (bits & 0x7f800000u) == 0x7f800000u ? bits : (bits + 0x1000u) & 0xffffe000u;
}

LSK_DEVICE uint32_t pack_bf16(float low, float high) { return uint32_t(bf16_from_float(high)) << 16 | bf16_from_float(low); }
LSK_DEVICE uint32_t pack_fp16(float low, float high) { return uint32_t(fp16_from_float(high)) << 16 | fp16_from_float(low); }

// ---- shared memory by address ---------------------------------------------------------------------------------------

LSK_DEVICE uint32_t load_shared32(uint32_t address) { return emu::load_shared32(address); }
LSK_DEVICE void store_shared32(uint32_t address, uint32_t value) { emu::store_shared32(address, value); }

// ---- global memory, gpu scope -----------------------------------------------------------------------------------------

LSK_DEVICE uint32_t load_acquire_gpu(const uint32_t* from) { return emu::load_u32(from, emu::Order::acquire); }
LSK_DEVICE uint32_t load_relaxed_gpu(const uint32_t* from) { return emu::load_u32(from, emu::Order::relaxed); }
LSK_DEVICE void store_release_gpu(uint32_t* to, uint32_t value) { emu::store_u32(to, value, emu::Order::release); }
LSK_DEVICE void store_relaxed_gpu(uint32_t* to, uint32_t value) { emu::store_u32(to, value, emu::Order::relaxed); }
LSK_DEVICE uint32_t atomic_add_acq_rel_gpu(uint32_t* to, uint32_t value) {
    return emu::atomic_u32(emu::Atomic::add, to, value, emu::Order::acquire_release);
}
LSK_DEVICE void reduce_add_release_gpu(uint32_t* to, uint32_t value) { emu::atomic_u32(emu::Atomic::add, to, value, emu::Order::release); }

// ---- cp.async ---------------------------------------------------------------------------------------------------------

LSK_DEVICE void cp_async4(uint32_t to, const void* from, bool inside) { emu::cp_async(to, from, 4, inside ? 4 : 0); }
LSK_DEVICE void cp_async8(uint32_t to, const void* from, bool inside) { emu::cp_async(to, from, 8, inside ? 8 : 0); }
LSK_DEVICE void cp_async16(uint32_t to, const void* from, bool inside) { emu::cp_async(to, from, 16, inside ? 16 : 0); }
LSK_DEVICE void cp_async16_partial(uint32_t to, const void* from, int from_bytes) { emu::cp_async(to, from, 16, from_bytes); }
LSK_DEVICE void cp_async_commit() { emu::cp_async_commit(); }
template <int GroupsInFlight>
LSK_DEVICE void cp_async_wait() {
    emu::cp_async_wait(GroupsInFlight);
}

// ---- warp matrix operations -------------------------------------------------------------------------------------------

LSK_DEVICE void ldmatrix_x1(uint32_t& r, uint32_t row) { emu::ldmatrix(&r, 1, false, row); }
LSK_DEVICE void ldmatrix_x1_trans(uint32_t& r, uint32_t row) { emu::ldmatrix(&r, 1, true, row); }
LSK_DEVICE void ldmatrix_x2(uint32_t (&r)[2], uint32_t row) { emu::ldmatrix(r, 2, false, row); }
LSK_DEVICE void ldmatrix_x2_trans(uint32_t (&r)[2], uint32_t row) { emu::ldmatrix(r, 2, true, row); }
LSK_DEVICE void ldmatrix_x4(uint32_t (&r)[4], uint32_t row) { emu::ldmatrix(r, 4, false, row); }
LSK_DEVICE void ldmatrix_x4_trans(uint32_t (&r)[4], uint32_t row) { emu::ldmatrix(r, 4, true, row); }
LSK_DEVICE void stmatrix_x4(uint32_t row, const uint32_t (&r)[4]) { emu::stmatrix(r, 4, false, row); }
LSK_DEVICE void stmatrix_x4_trans(uint32_t row, const uint32_t (&r)[4]) { emu::stmatrix(r, 4, true, row); }

LSK_DEVICE void mma_bf16_16816(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) { emu::mma_m16n8(emu::Type::bf16, d, a, b, d); }
LSK_DEVICE void mma_fp16_16816(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) { emu::mma_m16n8(emu::Type::fp16, d, a, b, d); }
LSK_DEVICE void mma_tf32_1688(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) { emu::mma_m16n8(emu::Type::tf32, d, a, b, d); }

// ---- barriers ---------------------------------------------------------------------------------------------------------

LSK_DEVICE void named_barrier_sync(int id, int threads) { emu::bar_sync(id, threads); }
LSK_DEVICE void named_barrier_arrive(int id, int threads) { emu::bar_arrive(id, threads); }
LSK_DEVICE bool elect_one() { return emu::elect_one(); }

LSK_DEVICE void mbarrier_init(uint32_t barrier, uint32_t count) { emu::mbarrier_init(barrier, count); }
LSK_DEVICE void mbarrier_arrive(uint32_t barrier) { emu::mbarrier_arrive(barrier, 0); }
LSK_DEVICE void mbarrier_arrive_expect_tx(uint32_t barrier, uint32_t bytes) { emu::mbarrier_arrive(barrier, bytes); }
LSK_DEVICE void mbarrier_expect_tx(uint32_t barrier, uint32_t bytes) { emu::mbarrier_expect_tx(barrier, bytes); }
LSK_DEVICE bool mbarrier_try_wait(uint32_t barrier, uint32_t parity) { return emu::mbarrier_try_wait(barrier, parity); }
LSK_DEVICE void mbarrier_wait(uint32_t barrier, uint32_t parity) { emu::mbarrier_wait(barrier, parity); }
LSK_DEVICE void fence_mbarrier_init() { emu::fence_mbarrier_init(); }
LSK_DEVICE void fence_proxy_async() { emu::fence_proxy_async(); }

// ---- bulk copies --------------------------------------------------------------------------------------------------------

LSK_DEVICE void fence_proxy_async_global() { emu::fence_proxy_async(); }
LSK_DEVICE void prefetch_tensor_map(const CUtensorMap*) {}

LSK_DEVICE void bulk_load(uint32_t to, const void* from, uint32_t bytes, uint32_t barrier) { emu::bulk_load(to, from, bytes, barrier); }
LSK_DEVICE void bulk_load_multicast(uint32_t to, const void* from, uint32_t bytes, uint32_t barrier, uint16_t ranks) {
    emu::bulk_load_multicast(to, from, bytes, barrier, ranks);
}
LSK_DEVICE void bulk_store(void* to, uint32_t from, uint32_t bytes) { emu::bulk_store(to, from, bytes, emu::BulkOperation::copy); }
LSK_DEVICE void bulk_reduce_add_f32(float* to, uint32_t from, uint32_t bytes) { emu::bulk_store(to, from, bytes, emu::BulkOperation::add_f32); }
LSK_DEVICE void bulk_commit() { emu::bulk_commit(); }
template <int GroupsInFlight>
LSK_DEVICE void bulk_wait_read() {
    emu::bulk_wait(GroupsInFlight, emu::BulkWait::read);
}
template <int GroupsInFlight>
LSK_DEVICE void bulk_wait() {
    emu::bulk_wait(GroupsInFlight, emu::BulkWait::written);
}

LSK_DEVICE void tensor_load_1d(uint32_t to, const CUtensorMap* map, uint32_t barrier, int x) {
    const int at[] = {x};
    emu::tensor_load(to, map, barrier, at, 1);
}
LSK_DEVICE void tensor_load_2d(uint32_t to, const CUtensorMap* map, uint32_t barrier, int x, int y) {
    const int at[] = {x, y};
    emu::tensor_load(to, map, barrier, at, 2);
}
LSK_DEVICE void tensor_load_3d(uint32_t to, const CUtensorMap* map, uint32_t barrier, int x, int y, int z) {
    const int at[] = {x, y, z};
    emu::tensor_load(to, map, barrier, at, 3);
}
LSK_DEVICE void tensor_load_4d(uint32_t to, const CUtensorMap* map, uint32_t barrier, int x, int y, int z, int u) {
    const int at[] = {x, y, z, u};
    emu::tensor_load(to, map, barrier, at, 4);
}
LSK_DEVICE void tensor_load_5d(uint32_t to, const CUtensorMap* map, uint32_t barrier, int x, int y, int z, int u, int v) {
    const int at[] = {x, y, z, u, v};
    emu::tensor_load(to, map, barrier, at, 5);
}
LSK_DEVICE void tensor_load_multicast_2d(uint32_t to, const CUtensorMap* map, uint32_t barrier, uint16_t ranks, int x, int y) {
    const int at[] = {x, y};
    emu::tensor_load_multicast(to, map, barrier, ranks, at, 2);
}
LSK_DEVICE void tensor_load_multicast_3d(uint32_t to, const CUtensorMap* map, uint32_t barrier, uint16_t ranks, int x, int y, int z) {
    const int at[] = {x, y, z};
    emu::tensor_load_multicast(to, map, barrier, ranks, at, 3);
}
LSK_DEVICE void tensor_load_multicast_4d(uint32_t to, const CUtensorMap* map, uint32_t barrier, uint16_t ranks, int x, int y, int z, int u) {
    const int at[] = {x, y, z, u};
    emu::tensor_load_multicast(to, map, barrier, ranks, at, 4);
}
LSK_DEVICE void tensor_store_2d(const CUtensorMap* map, uint32_t from, int x, int y) {
    const int at[] = {x, y};
    emu::tensor_store(map, from, at, 2, emu::BulkOperation::copy);
}
LSK_DEVICE void tensor_store_3d(const CUtensorMap* map, uint32_t from, int x, int y, int z) {
    const int at[] = {x, y, z};
    emu::tensor_store(map, from, at, 3, emu::BulkOperation::copy);
}
LSK_DEVICE void tensor_store_4d(const CUtensorMap* map, uint32_t from, int x, int y, int z, int u) {
    const int at[] = {x, y, z, u};
    emu::tensor_store(map, from, at, 4, emu::BulkOperation::copy);
}
LSK_DEVICE void tensor_reduce_add_2d(const CUtensorMap* map, uint32_t from, int x, int y) {
    const int at[] = {x, y};
    emu::tensor_store(map, from, at, 2, emu::BulkOperation::add_f32);
}
LSK_DEVICE void tensor_reduce_add_3d(const CUtensorMap* map, uint32_t from, int x, int y, int z) {
    const int at[] = {x, y, z};
    emu::tensor_store(map, from, at, 3, emu::BulkOperation::add_f32);
}
LSK_DEVICE void tensor_reduce_add_4d(const CUtensorMap* map, uint32_t from, int x, int y, int z, int u) {
    const int at[] = {x, y, z, u};
    emu::tensor_store(map, from, at, 4, emu::BulkOperation::add_f32);
}

// ---- clusters -------------------------------------------------------------------------------------------------------------

LSK_DEVICE uint32_t cluster_rank() { return emu::cluster_rank(); }
LSK_DEVICE uint32_t cluster_blocks() { return emu::cluster_blocks(); }
LSK_DEVICE uint32_t map_shared(uint32_t address, uint32_t rank) { return emu::map_shared(address, rank); }
LSK_DEVICE uint32_t load_cluster32(uint32_t address) {
    uint32_t value;
    emu::load_cluster(address, &value, 4);
    return value;
}
LSK_DEVICE float4 load_cluster_float4(uint32_t address) {
    float4 value;
    emu::load_cluster(address, &value, 16);
    return value;
}
LSK_DEVICE void store_cluster32(uint32_t address, uint32_t value) { emu::store_cluster(address, &value, 4); }
LSK_DEVICE void store_async32(uint32_t address, uint32_t value, uint32_t barrier) { emu::store_async(address, &value, 4, barrier); }
LSK_DEVICE void mbarrier_arrive_cluster(uint32_t barrier) { emu::mbarrier_arrive_cluster(barrier); }
LSK_DEVICE void cluster_arrive() { emu::cluster_arrive(); }
LSK_DEVICE void cluster_wait() { emu::cluster_wait(); }

// ---- dependent launches: the emulator runs one launch after the other --------------------------------------------------

LSK_DEVICE void launch_dependents() {}
LSK_DEVICE void wait_for_prior_launch() {}

// ---- warpgroup matrix products ----------------------------------------------------------------------------------------

using emu::Major;

LSK_DEVICE void wgmma_fence() { emu::wgmma_fence(); }
LSK_DEVICE void wgmma_commit() { emu::wgmma_commit(); }
template <int GroupsInFlight>
LSK_DEVICE void wgmma_wait() {
    emu::wgmma_wait(GroupsInFlight);
}
template <class T, int N, Major MajorA, Major MajorB>
LSK_DEVICE void wgmma_m64k16(float (&d)[N / 2], uint64_t a, uint64_t b, bool accumulate) {
    emu::wgmma(std::is_same_v<T, bf16> ? emu::Type::bf16 : emu::Type::fp16, N, d, nullptr, a, b, accumulate, MajorA, MajorB);
}
template <class T, int N, Major MajorB>
LSK_DEVICE void wgmma_m64k16(float (&d)[N / 2], const uint32_t (&a)[4], uint64_t b, bool accumulate) {
    emu::wgmma(std::is_same_v<T, bf16> ? emu::Type::bf16 : emu::Type::fp16, N, d, a, 0, b, accumulate, Major::k, MajorB);
}
template <int N>
LSK_DEVICE void wgmma_m64k8_tf32(float (&d)[N / 2], uint64_t a, uint64_t b, bool accumulate) {
    emu::wgmma(emu::Type::tf32, N, d, nullptr, a, b, accumulate, Major::k, Major::k);
}
template <int N>
LSK_DEVICE void wgmma_m64k8_tf32(float (&d)[N / 2], const uint32_t (&a)[4], uint64_t b, bool accumulate) {
    emu::wgmma(emu::Type::tf32, N, d, a, 0, b, accumulate, Major::k, Major::k);
}
template <int Count>
LSK_DEVICE void registers_raise() {
    emu::set_max_registers(Count);
}
template <int Count>
LSK_DEVICE void registers_lower() {
    emu::set_max_registers(Count);
}

}  // namespace lsk::ptx
