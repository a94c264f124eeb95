// Copies between global and shared memory: cp.async, linear and tensor bulk copies, in both directions.
#include "support.h"

using namespace lsk;
using namespace lsk::test;

// ---- cp.async -------------------------------------------------------------------------------------------------------------

enum class Size { four, eight, sixteen, partial };

// Thread i copies the i-th piece; pieces from `valid` on are zero-filled (partial: cut after 6 bytes).
static __global__ void copy_async(Size size, const unsigned char* from, unsigned char* out, int bytes, int valid) {
    LSK_SHARED(raw);
    const int i = threadIdx.x;
    const uint32_t to = ptx::shared_address(raw) + uint32_t(i * bytes);
    const unsigned char* source = from + i * bytes;
    const bool inside = i < valid;
    if (size == Size::four) ptx::cp_async4(to, source, inside);
    if (size == Size::eight) ptx::cp_async8(to, source, inside);
    if (size == Size::sixteen) ptx::cp_async16(to, source, inside);
    if (size == Size::partial) ptx::cp_async16_partial(to, source, inside ? 16 : 6);
    ptx::cp_async_commit();
    ptx::cp_async_wait<0>();
    __syncwarp();
    for (int at = i; at < 32 * bytes; at += 32) out[at] = raw[at];
}

// Three groups in flight; each is read as soon as `wait` allows it.
static __global__ void copy_in_groups(const uint32_t* from, uint32_t* out) {
    LSK_SHARED(raw);
    auto* words = reinterpret_cast<uint32_t*>(raw);
    const int i = threadIdx.x;
    for (int group = 0; group < 3; group++) {
        ptx::cp_async4(ptx::shared_address(words + group * 32 + i), from + group * 32 + i, true);
        ptx::cp_async_commit();
    }
    ptx::cp_async_wait<2>();
    out[i] = words[i];
    ptx::cp_async_wait<1>();
    out[32 + i] = words[32 + i];
    ptx::cp_async_wait<0>();
    out[64 + i] = words[64 + i];
}

// ---- bulk -----------------------------------------------------------------------------------------------------------------

struct BulkShared {
    alignas(1024) float tile[2048];
    uint64_t full;
};

static __global__ void bulk_through(const float* from, float* to, float* sums, int count) {
#if LSK_HAS_SM90A
    LSK_SHARED(raw);
    auto& shared = *reinterpret_cast<BulkShared*>(raw);
    const uint32_t tile = ptx::shared_address(shared.tile);
    const uint32_t full = ptx::shared_address(&shared.full);
    const uint32_t bytes = uint32_t(count) * 4;
    if (threadIdx.x == 0) {
        ptx::mbarrier_init(full, 1);
        ptx::fence_mbarrier_init();
        ptx::mbarrier_arrive_expect_tx(full, bytes);
        ptx::bulk_load(tile, from, bytes, full);
    }
    __syncthreads();
    ptx::mbarrier_wait(full, 0);
    for (int i = threadIdx.x; i < count; i += blockDim.x) shared.tile[i] += 1.0f;
    ptx::fence_proxy_async();
    __syncthreads();
    if (threadIdx.x == 0) {
        ptx::bulk_store(to, tile, bytes);
        ptx::bulk_reduce_add_f32(sums, tile, bytes);
        ptx::bulk_commit();
        ptx::bulk_wait<0>();
    }
#endif
}

// ---- tensors ----------------------------------------------------------------------------------------------------------------

struct Coordinates {
    int at[5];
};

template <int Rank>
static __global__ void load_box(const __grid_constant__ CUtensorMap map, Coordinates c, float* out, int elements) {
#if LSK_HAS_SM90A
    LSK_SHARED(raw);
    auto& shared = *reinterpret_cast<BulkShared*>(raw);
    const uint32_t tile = ptx::shared_address(shared.tile);
    const uint32_t full = ptx::shared_address(&shared.full);
    if (threadIdx.x == 0) {
        ptx::prefetch_tensor_map(&map);
        ptx::mbarrier_init(full, 1);
        ptx::fence_mbarrier_init();
        ptx::mbarrier_arrive_expect_tx(full, uint32_t(elements) * 4);
        if constexpr (Rank == 1) ptx::tensor_load_1d(tile, &map, full, c.at[0]);
        if constexpr (Rank == 2) ptx::tensor_load_2d(tile, &map, full, c.at[0], c.at[1]);
        if constexpr (Rank == 3) ptx::tensor_load_3d(tile, &map, full, c.at[0], c.at[1], c.at[2]);
        if constexpr (Rank == 4) ptx::tensor_load_4d(tile, &map, full, c.at[0], c.at[1], c.at[2], c.at[3]);
        if constexpr (Rank == 5) ptx::tensor_load_5d(tile, &map, full, c.at[0], c.at[1], c.at[2], c.at[3], c.at[4]);
    }
    __syncthreads();
    ptx::mbarrier_wait(full, 0);
    for (int i = threadIdx.x; i < elements; i += blockDim.x) out[i] = shared.tile[i];
#endif
}

template <int Rank>
static __global__ void store_box(const __grid_constant__ CUtensorMap map, const __grid_constant__ CUtensorMap sums, Coordinates c,
                                 const float* values, int elements) {
#if LSK_HAS_SM90A
    LSK_SHARED(raw);
    auto& shared = *reinterpret_cast<BulkShared*>(raw);
    const uint32_t tile = ptx::shared_address(shared.tile);
    for (int i = threadIdx.x; i < elements; i += blockDim.x) shared.tile[i] = values[i];
    ptx::fence_proxy_async();
    __syncthreads();
    if (threadIdx.x == 0) {
        if constexpr (Rank == 2) {
            ptx::tensor_store_2d(&map, tile, c.at[0], c.at[1]);
            ptx::tensor_reduce_add_2d(&sums, tile, c.at[0], c.at[1]);
        }
        if constexpr (Rank == 3) {
            ptx::tensor_store_3d(&map, tile, c.at[0], c.at[1], c.at[2]);
            ptx::tensor_reduce_add_3d(&sums, tile, c.at[0], c.at[1], c.at[2]);
        }
        if constexpr (Rank == 4) {
            ptx::tensor_store_4d(&map, tile, c.at[0], c.at[1], c.at[2], c.at[3]);
            ptx::tensor_reduce_add_4d(&sums, tile, c.at[0], c.at[1], c.at[2], c.at[3]);
        }
        ptx::bulk_commit();
        ptx::bulk_wait_read<0>();
    }
#endif
}

// A tile of 64 x 64 elements in groups of `width` columns, one swizzle span each.
static __global__ void load_swizzled(const __grid_constant__ CUtensorMap map, int width, uint16_t* out) {
#if LSK_HAS_SM90A
    LSK_SHARED(raw);
    const uint32_t full = ptx::shared_address(raw) + 8192;
    if (threadIdx.x == 0) {
        ptx::mbarrier_init(full, 1);
        ptx::fence_mbarrier_init();
        ptx::mbarrier_arrive_expect_tx(full, 8192);
        for (int column = 0; column < 64; column += width)
            ptx::tensor_load_2d(ptx::shared_address(raw) + uint32_t(column) * 128, &map, full, column, 0);
    }
    __syncthreads();
    ptx::mbarrier_wait(full, 0);
    for (int i = threadIdx.x; i < 4096; i += blockDim.x) out[i] = reinterpret_cast<const uint16_t*>(raw)[i];
#endif
}

namespace {

#ifdef LSK_EMULATE
const auto encode = &cuTensorMapEncodeTiled;
#else
decltype(&cuTensorMapEncodeTiled) find_encode() {
    void* function = nullptr;
    cudaDriverEntryPointQueryResult result;
#if CUDART_VERSION >= 12050
    succeed(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000, cudaEnableDefault, &result));
#else
    succeed(cudaGetDriverEntryPoint("cuTensorMapEncodeTiled", &function, cudaEnableDefault, &result));
#endif
    return reinterpret_cast<decltype(&cuTensorMapEncodeTiled)>(function);
}
const auto encode = [](auto... arguments) { return find_encode()(arguments...); };
#endif

template <class T>
constexpr CUtensorMapDataType data_type = std::is_same_v<T, float> ? CU_TENSOR_MAP_DATA_TYPE_FLOAT32 : CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;

struct Dimensions {
    std::vector<cuuint64_t> extents;
    std::vector<cuuint32_t> box;
};

template <class T>
CUtensorMap tensor_map(T* base, const Dimensions& d, CUtensorMapSwizzle swizzle) {
    const cuuint32_t rank = cuuint32_t(d.extents.size());
    std::vector<cuuint64_t> strides;
    cuuint64_t stride = sizeof(T);
    for (const cuuint64_t extent : d.extents) strides.push_back(stride *= extent);
    const std::vector<cuuint32_t> ones(rank, 1);
    CUtensorMap map;
    REQUIRE(encode(&map, data_type<T>, rank, base, d.extents.data(), strides.data(), d.box.data(), ones.data(), CU_TENSOR_MAP_INTERLEAVE_NONE, swizzle,
                   CU_TENSOR_MAP_L2_PROMOTION_NONE, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS);
    return map;
}

size_t count(const std::vector<cuuint64_t>& extents) {
    size_t all = 1;
    for (const cuuint64_t extent : extents) all *= extent;
    return all;
}

// Calls visit(index in the box, index in the tensor or -1) for all elements of a box.
template <class F>
void for_box(const Dimensions& d, const Coordinates& c, F visit) {
    size_t elements = 1;
    for (const cuuint32_t extent : d.box) elements *= extent;
    for (size_t e = 0; e < elements; e++) {
        size_t rest = e;
        size_t index = 0;
        size_t stride = 1;
        bool inside = true;
        for (size_t i = 0; i < d.box.size(); i++) {
            const int64_t x = int64_t(c.at[i]) + int64_t(rest % d.box[i]);
            rest /= d.box[i];
            inside &= x >= 0 && x < int64_t(d.extents[i]);
            index += size_t(x) * stride;
            stride *= d.extents[i];
        }
        visit(e, inside ? int64_t(index) : -1);
    }
}

template <int Rank>
void check_load(const Dimensions& d, const Coordinates& c) {
    const std::vector<float> values = small_integers(count(d.extents), 4);
    const DeviceArray<float> tensor(values);
    size_t elements = 1;
    for (const cuuint32_t extent : d.box) elements *= extent;
    const DeviceArray<float> out(elements);
    run({1, 64, sizeof(BulkShared)}, load_box<Rank>, tensor_map(tensor.get(), d, CU_TENSOR_MAP_SWIZZLE_NONE), c, out, int(elements));
    const std::vector<float> got = out.values();
    int wrong = 0;
    for_box(d, c, [&](size_t e, int64_t index) { wrong += got[e] != (index < 0 ? 0.0f : values[size_t(index)]); });
    CHECK(wrong == 0);
}

template <int Rank>
void check_store(const Dimensions& d, const Coordinates& c) {
    std::vector<float> before = small_integers(count(d.extents), 4);
    size_t elements = 1;
    for (const cuuint32_t extent : d.box) elements *= extent;
    const std::vector<float> values = small_integers(elements, 5);
    const DeviceArray<float> stored(before);
    const DeviceArray<float> summed(before);
    const DeviceArray<float> in(values);
    run({1, 64, sizeof(BulkShared)}, store_box<Rank>, tensor_map(stored.get(), d, CU_TENSOR_MAP_SWIZZLE_NONE),
        tensor_map(summed.get(), d, CU_TENSOR_MAP_SWIZZLE_NONE), c, in, int(elements));
    std::vector<float> expected = before;
    for_box(d, c, [&](size_t e, int64_t index) {
        if (index < 0) return;
        expected[size_t(index)] = values[e];
        before[size_t(index)] += values[e];
    });
    CHECK(stored.values() == expected);
    CHECK(summed.values() == before);
}

}  // namespace

TEST_SUITE("copies") {
    TEST_CASE("cp.async copies 4, 8 and 16 bytes, fills with zeros outside, cuts partial pieces") {
        std::vector<unsigned char> source(512);
        for (size_t i = 0; i < source.size(); i++) source[i] = static_cast<unsigned char>(i % 251 + 1);
        const DeviceArray<unsigned char> from(source);
        const std::pair<Size, int> sizes[] = {{Size::four, 4}, {Size::eight, 8}, {Size::sixteen, 16}, {Size::partial, 16}};
        for (const auto& [size, bytes] : sizes) {
            const DeviceArray<unsigned char> out(size_t(bytes) * 32);
            run({1, 32, size_t(bytes) * 32}, copy_async, size, from, out, bytes, 20);
            const std::vector<unsigned char> got = out.values();
            int wrong = 0;
            for (int i = 0; i < 32 * bytes; i++) {
                const bool copied = i / bytes < 20 || (size == Size::partial && i % bytes < 6);
                wrong += got[size_t(i)] != (copied ? source[size_t(i)] : 0);
            }
            CHECK(wrong == 0);
        }
    }

    TEST_CASE("cp.async groups complete in order") {
        std::vector<uint32_t> source(96);
        for (uint32_t i = 0; i < 96; i++) source[i] = i * 7;
        const DeviceArray<uint32_t> from(source);
        const DeviceArray<uint32_t> out(96);
        run({1, 32, 384}, copy_in_groups, from, out);
        CHECK(out.values() == source);
    }

    TEST_CASE("linear bulk copies there and back, and reductions") {
        if (!has_sm90()) return;
        const std::vector<float> values = small_integers(1000, 3);
        const DeviceArray<float> from(values);
        const DeviceArray<float> to(1000);
        const DeviceArray<float> sums(values);
        run({1, 64, sizeof(BulkShared)}, bulk_through, from, to, sums, 1000);
        const std::vector<float> stored = to.values();
        const std::vector<float> summed = sums.values();
        for (size_t i = 0; i < 1000; i++) {
            CHECK(stored[i] == values[i] + 1);
            CHECK(summed[i] == values[i] * 2 + 1);
        }
    }

    TEST_CASE("tensor loads of one to five dimensions, zeros outside") {
        if (!has_sm90()) return;
        check_load<1>({{100}, {64}}, {{50}});
        check_load<2>({{40, 9}, {16, 8}}, {{0, 4}});
        check_load<2>({{40, 9}, {16, 8}}, {{-4, -2}});
        check_load<2>({{40, 9}, {16, 8}}, {{36, 0}});
        check_load<3>({{8, 5, 7}, {8, 4, 3}}, {{0, 2, 5}});
        check_load<4>({{8, 3, 4, 5}, {4, 2, 3, 2}}, {{4, 1, 2, 4}});
        check_load<5>({{4, 3, 2, 3, 4}, {4, 2, 2, 2, 2}}, {{0, 2, -1, 1, 2}});
    }

    TEST_CASE("tensor stores and reductions leave what is outside alone") {
        if (!has_sm90()) return;
        check_store<2>({{40, 9}, {16, 8}}, {{32, 4}});
        check_store<2>({{40, 9}, {16, 8}}, {{-4, -2}});
        check_store<3>({{8, 5, 7}, {8, 4, 3}}, {{0, 2, 5}});
        check_store<4>({{8, 3, 4, 5}, {4, 2, 3, 2}}, {{4, 1, 2, 4}});
    }

    TEST_CASE("swizzled loads lie as the layout tables say") {
        if (!has_sm90()) return;
        std::vector<uint16_t> values(64 * 60);
        for (size_t i = 0; i < values.size(); i++) values[i] = uint16_t(i + 1);
        const DeviceArray<uint16_t> tensor(values);
        const std::pair<CUtensorMapSwizzle, const char*> modes[] = {
            {CU_TENSOR_MAP_SWIZZLE_128B, "k_128_64"}, {CU_TENSOR_MAP_SWIZZLE_64B, "k_64"}, {CU_TENSOR_MAP_SWIZZLE_32B, "k_32"}};
        for (const auto& [swizzle, name] : modes) {
            const Operand& operand = layouts().operands.at(name);
            const int width = swizzle == CU_TENSOR_MAP_SWIZZLE_128B ? 64 : swizzle == CU_TENSOR_MAP_SWIZZLE_64B ? 32 : 16;
            const Dimensions d{{64, 60}, {cuuint32_t(width), 64}};
            const DeviceArray<uint16_t> out(4096);
            run({1, 32, 8192 + 64}, load_swizzled, tensor_map(tensor.get(), d, swizzle), width, out);
            const std::vector<uint16_t> got = out.values();
            int wrong = 0;
            for (int row = 0; row < 64; row++)
                for (int column = 0; column < 64; column++)
                    wrong += got[size_t(operand.offset[size_t(row * 64 + column)]) / 2] != (row < 60 ? values[size_t(row * 64 + column)] : 0);
            CHECK(wrong == 0);
        }
    }
}
