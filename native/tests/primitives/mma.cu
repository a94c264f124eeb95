// mma.sync: which element every register of every lane is, by the layout tables, and how sums are rounded.
#include "support.h"

using namespace lsk;
using namespace lsk::test;

enum class Product { bf16, fp16, tf32 };

static __global__ void multiply(Product product, const uint32_t* a, const uint32_t* b, const float* c, float* d) {
    const int lane = threadIdx.x;
    uint32_t a_registers[4];
    uint32_t b_registers[2];
    float sum[4];
    for (int i = 0; i < 4; i++) a_registers[i] = a[lane * 4 + i];
    for (int i = 0; i < 2; i++) b_registers[i] = b[lane * 2 + i];
    for (int i = 0; i < 4; i++) sum[i] = c[lane * 4 + i];
    if (product == Product::bf16)
        ptx::mma_bf16_16816(sum, a_registers, b_registers);
    else if (product == Product::fp16)
        ptx::mma_fp16_16816(sum, a_registers, b_registers);
    else
        ptx::mma_tf32_1688(sum, a_registers, b_registers);
    for (int i = 0; i < 4; i++) d[lane * 4 + i] = sum[i];
}

namespace {

struct Shape {
    const char* a;
    const char* b;
    const char* c;
    int k;
};
constexpr Shape half_shape{"m16n8k16_a", "m16n8k16_b", "m16n8k16_c", 16};
constexpr Shape tf32_shape{"m16n8k8_a", "m16n8k8_b", "m16n8k8_c", 8};

// Registers of all lanes: the values of a column-major matrix, packed as the product wants them.
std::vector<uint32_t> registers(const ThreadValues& map, Product product, const std::vector<float>& matrix) {
    const int per_word = product == Product::tf32 ? 1 : 2;
    std::vector<uint32_t> words(size_t(map.threads) * map.values / per_word);
    for (int thread = 0; thread < map.threads; thread++) {
        for (int v = 0; v < map.values; v++) {
            const float value = matrix[size_t(map(thread, v))];
            uint32_t& word = words[size_t(thread * map.values + v) / per_word];
            if (product == Product::tf32)
                word = std::bit_cast<uint32_t>(value);
            else
                word |= uint32_t(product == Product::bf16 ? half_bits<bf16>(value) : half_bits<fp16>(value)) << v % 2 * 16;
        }
    }
    return words;
}

std::vector<float> run_product(Product product, const std::vector<float>& a, const std::vector<float>& b, const std::vector<float>& c) {
    const Shape shape = product == Product::tf32 ? tf32_shape : half_shape;
    const ThreadValues& c_map = layouts().maps.at(shape.c);
    std::vector<float> c_registers(128);
    for (int lane = 0; lane < 32; lane++)
        for (int v = 0; v < 4; v++) c_registers[size_t(lane * 4 + v)] = c[size_t(c_map(lane, v))];
    const DeviceArray<uint32_t> a_device(registers(layouts().maps.at(shape.a), product, a));
    const DeviceArray<uint32_t> b_device(registers(layouts().maps.at(shape.b), product, b));
    const DeviceArray<float> c_device(c_registers);
    const DeviceArray<float> d_device(128);
    run({}, multiply, product, a_device, b_device, c_device, d_device);
    const std::vector<float> d_registers = d_device.values();
    std::vector<float> d(128);
    for (int lane = 0; lane < 32; lane++)
        for (int v = 0; v < 4; v++) d[size_t(c_map(lane, v))] = d_registers[size_t(lane * 4 + v)];
    return d;
}

constexpr Product products[] = {Product::bf16, Product::fp16, Product::tf32};

}  // namespace

TEST_SUITE("mma") {
    TEST_CASE("every register is the element that the layout tables say") {
        for (const Product product : products) {
            CAPTURE(int(product));
            const int k = product == Product::tf32 ? 8 : 16;
            const std::vector<float> a = small_integers(size_t(16 * k), 1);
            const std::vector<float> b = small_integers(size_t(8 * k), 2);
            const std::vector<float> c = small_integers(128, 3);
            const std::vector<float> d = run_product(product, a, b, c);
            for (int m = 0; m < 16; m++) {
                for (int n = 0; n < 8; n++) {
                    float sum = c[size_t(n * 16 + m)];
                    for (int i = 0; i < k; i++) sum += a[size_t(i * 16 + m)] * b[size_t(i * 8 + n)];
                    CHECK(d[size_t(n * 16 + m)] == sum);
                }
            }
        }
    }

    TEST_CASE("tf32 uses the upper 19 bits of a factor") {
        std::vector<float> a(128), b(64), c(128);
        a[0] = 1.0f + 0x1p-10f;
        b[0] = 1.0f;
        CHECK(run_product(Product::tf32, a, b, c)[0] == 1.0f + 0x1p-10f);
        a[0] = 1.0f + 0x1p-11f;
        CHECK(run_product(Product::tf32, a, b, c)[0] == 1.0f);
    }

    TEST_CASE("sums are within one unit in the last place of the exact sum, and not a number where a factor is not") {
        for (const Product product : products) {
            const int k = product == Product::tf32 ? 8 : 16;
            std::vector<float> a(size_t(16 * k)), b(size_t(8 * k)), c(128);
            std::mt19937 random(7);
            std::uniform_real_distribution<float> uniform(0.5f, 2.0f);
            const auto rounded = [&](float x) {
                return product == Product::bf16   ? to_float(from_float<bf16>(x))
                       : product == Product::fp16 ? to_float(from_float<fp16>(x))
                                                  : std::bit_cast<float>(std::bit_cast<uint32_t>(x) & 0xffffe000u);
            };
            for (float& x : a) x = rounded(uniform(random));
            for (float& x : b) x = rounded(uniform(random));
            for (float& x : c) x = uniform(random);
            a[5] = NAN;    // row 5, k 0
            const std::vector<float> d = run_product(product, a, b, c);
            for (int m = 0; m < 16; m++) {
                for (int n = 0; n < 8; n++) {
                    double sum = c[size_t(n * 16 + m)];
                    for (int i = 0; i < k; i++) sum += double(a[size_t(i * 16 + m)]) * double(b[size_t(i * 8 + n)]);
                    const float got = d[size_t(n * 16 + m)];
                    if (m == 5)
                        CHECK(std::isnan(got));
                    else
                        CHECK(std::abs(double(got) - sum) <= sum * 0x1p-22);
                }
            }
        }
    }
}
