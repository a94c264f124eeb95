// wgmma: operands in every layout of the tables, A from registers, all widths.
#include <cstring>
#include "support.h"

using namespace lsk;
using namespace lsk::test;

constexpr int most_steps = 8;
constexpr uint32_t b_start = 32 * 1024;
constexpr size_t wgmma_shared_bytes = 96 * 1024;

struct WgmmaArguments {
    const unsigned char* image;              // of shared memory: both operands
    const uint32_t* a_registers;             // [steps][128][4]
    float* d;                                // [128][n / 2]
    uint64_t a_descriptors[most_steps];      // with addresses relative to the image
    uint64_t b_descriptors[most_steps];
    int steps;
};

template <class T, int N, ptx::Major MajorA, ptx::Major MajorB, bool FromRegisters>
static __global__ void product(const __grid_constant__ WgmmaArguments arguments) {
#if LSK_HAS_SM90A
    LSK_SHARED(raw);
    const int thread = threadIdx.x;
    const auto* from = reinterpret_cast<const uint4*>(arguments.image);
    for (size_t i = thread; i < wgmma_shared_bytes / 16; i += 128) reinterpret_cast<uint4*>(raw)[i] = from[i];
    ptx::fence_proxy_async();
    __syncthreads();
    const uint64_t base = ptx::shared_address(raw) >> 4;
    float d[N / 2];
    LSK_UNROLL for (int i = 0; i < N / 2; i++) d[i] = 1.0f;
    ptx::wgmma_fence();
    for (int step = 0; step < arguments.steps; step++) {
        const uint64_t b = arguments.b_descriptors[step] + base;
        const bool accumulate = step > 0;
        if constexpr (FromRegisters) {
            uint32_t a[4];
            for (int i = 0; i < 4; i++) a[i] = arguments.a_registers[(step * 128 + thread) * 4 + i];
            ptx::wgmma_fence();
            if constexpr (std::is_same_v<T, float>)
                ptx::wgmma_m64k8_tf32<N>(d, a, b, accumulate);
            else
                ptx::wgmma_m64k16<T, N, MajorB>(d, a, b, accumulate);
            ptx::wgmma_commit();
            ptx::wgmma_wait<0>();
        } else if constexpr (std::is_same_v<T, float>) {
            ptx::wgmma_m64k8_tf32<N>(d, arguments.a_descriptors[step] + base, b, accumulate);
        } else {
            ptx::wgmma_m64k16<T, N, MajorA, MajorB>(d, arguments.a_descriptors[step] + base, b, accumulate);
        }
    }
    ptx::wgmma_commit();
    ptx::wgmma_wait<0>();
    LSK_UNROLL for (int i = 0; i < N / 2; i++) arguments.d[thread * (N / 2) + i] = d[i];
#endif
}

namespace {

using Kernel = void (*)(WgmmaArguments);

uint64_t descriptor(uint32_t start, const Operand::Step& step) {
    return uint64_t(start + uint32_t(step.start)) >> 4 | uint64_t(step.leading >> 4) << 16 | uint64_t(step.stride >> 4) << 32 |
           uint64_t(step.swizzle) << 62;
}

template <class T>
void store_element(unsigned char* to, float value) {
    if constexpr (std::is_same_v<T, float>) {
        std::memcpy(to, &value, 4);
    } else {
        const uint16_t bits = half_bits<T>(value);
        std::memcpy(to, &bits, 2);
    }
}

// An operand of 32-bit elements lies like one of 16-bit elements with twice the depth.
template <class T>
void place(std::vector<unsigned char>& image, uint32_t start, const Operand& operand, const std::vector<float>& matrix, int rows, int k) {
    const int scale = std::is_same_v<T, float> ? 2 : 1;
    for (int row = 0; row < rows; row++)
        for (int i = 0; i < k; i++)
            store_element<T>(&image[start + size_t(operand.offset[size_t(row) * operand.k + i * scale])], matrix[size_t(row * k + i)]);
}

// Row and column of a thread's accumulator, for every width: the tables' layout for 64 and 128 columns, continued.
int accumulator_row(int thread, int i) { return thread / 32 * 16 + thread % 32 / 4 + i / 2 % 2 * 8; }
int accumulator_column(int thread, int i) { return i / 4 * 8 + thread % 4 * 2 + i % 2; }

template <class T>
std::vector<uint32_t> a_registers(const std::vector<float>& a, int k) {
    const ThreadValues& map = layouts().maps.at("m64k16_a");
    const int depth = std::is_same_v<T, float> ? 8 : 16;
    std::vector<uint32_t> words(size_t(k / depth) * 128 * 4);
    for (int step = 0; step < k / depth; step++) {
        for (int thread = 0; thread < 128; thread++) {
            for (int v = 0; v < 8; v++) {
                const int row = map(thread, v) % 64;
                const int column = map(thread, v) / 64;
                uint32_t& word = words[size_t((step * 128 + thread) * 4 + v / 2)];
                if constexpr (std::is_same_v<T, float>) {
                    // tf32 takes half the columns: the pair at columns 2t, 2t + 1 becomes the one value at column t.
                    if (v % 2 == 0) word = std::bit_cast<uint32_t>(a[size_t(row * k + step * 8 + column / 2)]);
                } else {
                    word |= uint32_t(half_bits<T>(a[size_t(row * k + step * 16 + column)])) << v % 2 * 16;
                }
            }
        }
    }
    return words;
}

// Multiplies the first n columns of B's table.
template <class T>
bool correct(Kernel kernel, const Operand& a_layout, const Operand& b_layout, int n) {
    const int depth = std::is_same_v<T, float> ? 8 : 16;
    const int steps = int(std::min(a_layout.steps.size(), b_layout.steps.size()));
    const int k = steps * depth;
    const std::vector<float> a = small_integers(size_t(64 * k), 1);
    const std::vector<float> b = small_integers(size_t(n * k), 2);
    std::vector<unsigned char> image(wgmma_shared_bytes, 0xff);
    place<T>(image, 0, a_layout, a, 64, k);
    place<T>(image, b_start, b_layout, b, n, k);
    const DeviceArray<unsigned char> image_device(image);
    const DeviceArray<uint32_t> registers_device(a_registers<T>(a, k));
    const DeviceArray<float> d(size_t(64 * n));
    WgmmaArguments arguments{image_device, registers_device, d, {}, {}, steps};
    for (int step = 0; step < steps; step++) {
        arguments.a_descriptors[step] = descriptor(0, a_layout.steps[size_t(step)]);
        arguments.b_descriptors[step] = descriptor(b_start, b_layout.steps[size_t(step)]);
    }
    run({1, 128, wgmma_shared_bytes}, kernel, arguments);
    const std::vector<float> got = d.values();
    for (int thread = 0; thread < 128; thread++) {
        for (int i = 0; i < n / 2; i++) {
            float sum = 0;
            const int row = accumulator_row(thread, i);
            const int column = accumulator_column(thread, i);
            for (int x = 0; x < k; x++) sum += a[size_t(row * k + x)] * b[size_t(column * k + x)];
            if (got[size_t(thread * (n / 2) + i)] != sum) return false;
        }
    }
    return true;
}

template <class T, int N, bool FromRegisters>
Kernel kernel_for(const Operand& a, const Operand& b) {
    using ptx::Major;
    if constexpr (!FromRegisters)
        if (a.mn_major) return b.mn_major ? product<T, N, Major::mn, Major::mn, false> : product<T, N, Major::mn, Major::k, false>;
    return b.mn_major ? product<T, N, Major::k, Major::mn, FromRegisters> : product<T, N, Major::k, Major::k, FromRegisters>;
}

template <class T, int N>
bool width_is_correct() {
    const Operand& a = layouts().operands.at("k_128_64");
    const Operand& b = layouts().operands.at("k_128_128");
    if constexpr (std::is_same_v<T, float>)
        return correct<T>(product<T, N, ptx::Major::k, ptx::Major::k, false>, a, b, N) &&
               correct<T>(product<T, N, ptx::Major::k, ptx::Major::k, true>, a, b, N);
    else
        return correct<T>(kernel_for<T, N, false>(a, b), a, b, N) && correct<T>(kernel_for<T, N, true>(a, b), a, b, N);
}

}  // namespace

TEST_SUITE("wgmma") {
    TEST_CASE("the accumulator's layout is the tables'") {
        for (const int n : {64, 128}) {
            const ThreadValues& map = layouts().maps.at(n == 64 ? "m64n64_c" : "m64n128_c");
            for (int thread = 0; thread < 128; thread++)
                for (int i = 0; i < n / 2; i++)
                    CHECK(map(thread, i) == accumulator_row(thread, i) + 64 * accumulator_column(thread, i));
        }
    }

    TEST_CASE("operands in all layouts: none, 32, 64 and 128-byte swizzle, K- and MN-major") {
        if (!has_sm90()) return;
        for (const auto& [b_name, b] : layouts().operands) {
            for (const auto& [a_name, a] : layouts().operands) {
                if (a.mn != 64) continue;
                CAPTURE(a_name);
                CAPTURE(b_name);
                CHECK(correct<bf16>(b.mn == 64 ? kernel_for<bf16, 64, false>(a, b) : kernel_for<bf16, 128, false>(a, b), a, b, b.mn));
            }
            CAPTURE(b_name);
            const Operand& a = layouts().operands.at("k_128_64");
            CHECK(correct<bf16>(b.mn == 64 ? kernel_for<bf16, 64, true>(a, b) : kernel_for<bf16, 128, true>(a, b), a, b, b.mn));
        }
    }

    TEST_CASE("fp16, both operands from shared memory or A from registers, K- and MN-major") {
        if (!has_sm90()) return;
        for (const char* a_name : {"k_128_64", "mn_128_64"}) {
            for (const char* b_name : {"k_128_64", "mn_128_64"}) {
                const Operand& a = layouts().operands.at(a_name);
                const Operand& b = layouts().operands.at(b_name);
                CHECK(correct<fp16>(kernel_for<fp16, 64, false>(a, b), a, b, 64));
                CHECK(correct<fp16>(kernel_for<fp16, 64, true>(a, b), a, b, 64));
            }
        }
    }

    TEST_CASE("tf32 in all K-major layouts") {
        if (!has_sm90()) return;
        for (const char* name : {"k_128_64", "k_64", "k_32", "k_none"}) {
            const Operand& operand = layouts().operands.at(name);
            CAPTURE(name);
            CHECK(correct<float>(product<float, 64, ptx::Major::k, ptx::Major::k, false>, operand, operand, 64));
            CHECK(correct<float>(product<float, 64, ptx::Major::k, ptx::Major::k, true>, operand, operand, 64));
        }
    }

    TEST_CASE("all widths") {
        if (!has_sm90()) return;
        CHECK(width_is_correct<bf16, 8>());
        CHECK(width_is_correct<bf16, 16>());
        CHECK(width_is_correct<bf16, 32>());
        CHECK(width_is_correct<fp16, 96>());
        CHECK(width_is_correct<float, 32>());
        CHECK(width_is_correct<float, 128>());
    }
}
