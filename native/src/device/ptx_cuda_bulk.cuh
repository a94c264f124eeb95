// Bulk copies (TMA) for nvcc: linear and tensor, into and out of shared memory.
#pragma once
#include "device/platform.cuh"

namespace lsk::ptx {

LSK_DEVICE void fence_proxy_async_global() { asm volatile("fence.proxy.async.global;" ::: "memory"); }
LSK_DEVICE void prefetch_tensor_map(const CUtensorMap* map) { asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory"); }

// ---- linear: addresses and sizes are multiples of 16 bytes ------------------------------------------------------------------

LSK_DEVICE void bulk_load(uint32_t to, const void* from, uint32_t bytes, uint32_t barrier) {
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(to), "l"(from), "r"(bytes),
                 "r"(barrier)
                 : "memory");
}
// Into the same place of every block whose bit is set in `ranks`, and completes at the same barrier there.
LSK_DEVICE void bulk_load_multicast(uint32_t to, const void* from, uint32_t bytes, uint32_t barrier, uint16_t ranks) {
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1], %2, [%3], %4;" ::"r"(to), "l"(from),
                 "r"(bytes), "r"(barrier), "h"(ranks)
                 : "memory");
}
LSK_DEVICE void bulk_store(void* to, uint32_t from, uint32_t bytes) {
    asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;" ::"l"(to), "r"(from), "r"(bytes) : "memory");
}
LSK_DEVICE void bulk_reduce_add_f32(float* to, uint32_t from, uint32_t bytes) {
    asm volatile("cp.reduce.async.bulk.global.shared::cta.bulk_group.add.f32 [%0], [%1], %2;" ::"l"(to), "r"(from), "r"(bytes) : "memory");
}
LSK_DEVICE void bulk_commit() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }
// Until the sources may be overwritten.
template <int GroupsInFlight>
LSK_DEVICE void bulk_wait_read() {
    asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(GroupsInFlight) : "memory");
}
// Until the targets are written.
template <int GroupsInFlight>
LSK_DEVICE void bulk_wait() {
    asm volatile("cp.async.bulk.wait_group %0;" ::"n"(GroupsInFlight) : "memory");
}

// ---- tensor: coordinates from the fastest dimension on -------------------------------------------------------------------------

LSK_DEVICE void tensor_load_1d(uint32_t to, const CUtensorMap* map, uint32_t barrier, int x) {
    asm volatile("cp.async.bulk.tensor.1d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3}], [%2];" ::"r"(to), "l"(map),
                 "r"(barrier), "r"(x)
                 : "memory");
}
LSK_DEVICE void tensor_load_2d(uint32_t to, const CUtensorMap* map, uint32_t barrier, int x, int y) {
    asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4}], [%2];" ::"r"(to), "l"(map),
                 "r"(barrier), "r"(x), "r"(y)
                 : "memory");
}
LSK_DEVICE void tensor_load_3d(uint32_t to, const CUtensorMap* map, uint32_t barrier, int x, int y, int z) {
    asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5}], [%2];" ::"r"(to), "l"(map),
                 "r"(barrier), "r"(x), "r"(y), "r"(z)
                 : "memory");
}
LSK_DEVICE void tensor_load_4d(uint32_t to, const CUtensorMap* map, uint32_t barrier, int x, int y, int z, int u) {
    asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5, %6}], [%2];" ::"r"(to), "l"(map),
                 "r"(barrier), "r"(x), "r"(y), "r"(z), "r"(u)
                 : "memory");
}
LSK_DEVICE void tensor_load_5d(uint32_t to, const CUtensorMap* map, uint32_t barrier, int x, int y, int z, int u, int v) {
    asm volatile("cp.async.bulk.tensor.5d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5, %6, %7}], [%2];" ::"r"(to), "l"(map),
                 "r"(barrier), "r"(x), "r"(y), "r"(z), "r"(u), "r"(v)
                 : "memory");
}

LSK_DEVICE void tensor_load_multicast_2d(uint32_t to, const CUtensorMap* map, uint32_t barrier, uint16_t ranks, int x, int y) {
    asm volatile(
        "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1, {%4, %5}], [%2], %3;" ::"r"(to),
        "l"(map), "r"(barrier), "h"(ranks), "r"(x), "r"(y)
        : "memory");
}
LSK_DEVICE void tensor_load_multicast_3d(uint32_t to, const CUtensorMap* map, uint32_t barrier, uint16_t ranks, int x, int y, int z) {
    asm volatile(
        "cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1, {%4, %5, %6}], [%2], %3;" ::"r"(to),
        "l"(map), "r"(barrier), "h"(ranks), "r"(x), "r"(y), "r"(z)
        : "memory");
}
LSK_DEVICE void tensor_load_multicast_4d(uint32_t to, const CUtensorMap* map, uint32_t barrier, uint16_t ranks, int x, int y, int z, int u) {
    asm volatile(
        "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1, {%4, %5, %6, %7}], [%2], %3;" ::"r"(to),
        "l"(map), "r"(barrier), "h"(ranks), "r"(x), "r"(y), "r"(z), "r"(u)
        : "memory");
}

LSK_DEVICE void tensor_store_2d(const CUtensorMap* map, uint32_t from, int x, int y) {
    asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%0, {%2, %3}], [%1];" ::"l"(map), "r"(from), "r"(x), "r"(y) : "memory");
}
LSK_DEVICE void tensor_store_3d(const CUtensorMap* map, uint32_t from, int x, int y, int z) {
    asm volatile("cp.async.bulk.tensor.3d.global.shared::cta.bulk_group [%0, {%2, %3, %4}], [%1];" ::"l"(map), "r"(from), "r"(x), "r"(y), "r"(z) : "memory");
}
LSK_DEVICE void tensor_store_4d(const CUtensorMap* map, uint32_t from, int x, int y, int z, int u) {
    asm volatile("cp.async.bulk.tensor.4d.global.shared::cta.bulk_group [%0, {%2, %3, %4, %5}], [%1];" ::"l"(map), "r"(from), "r"(x), "r"(y), "r"(z), "r"(u) : "memory");
}

// The map holds fp32.
LSK_DEVICE void tensor_reduce_add_2d(const CUtensorMap* map, uint32_t from, int x, int y) {
    asm volatile("cp.reduce.async.bulk.tensor.2d.global.shared::cta.add.bulk_group [%0, {%2, %3}], [%1];" ::"l"(map), "r"(from), "r"(x), "r"(y) : "memory");
}
LSK_DEVICE void tensor_reduce_add_3d(const CUtensorMap* map, uint32_t from, int x, int y, int z) {
    asm volatile("cp.reduce.async.bulk.tensor.3d.global.shared::cta.add.bulk_group [%0, {%2, %3, %4}], [%1];" ::"l"(map), "r"(from), "r"(x), "r"(y), "r"(z) : "memory");
}
LSK_DEVICE void tensor_reduce_add_4d(const CUtensorMap* map, uint32_t from, int x, int y, int z, int u) {
    asm volatile("cp.reduce.async.bulk.tensor.4d.global.shared::cta.add.bulk_group [%0, {%2, %3, %4, %5}], [%1];" ::"l"(map), "r"(from), "r"(x), "r"(y), "r"(z), "r"(u) : "memory");
}

}  // namespace lsk::ptx
