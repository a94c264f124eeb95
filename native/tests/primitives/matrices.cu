// ldmatrix and stmatrix: 8 x 8 matrices of 16-bit elements between shared memory and registers.
#include "support.h"

using namespace lsk;
using namespace lsk::test;

enum class Transposed { no, yes };

// Lane l gives the address of row l % 8 of matrix l / 8; rows are `pitch` bytes apart and lie in reverse order, to tell addresses from positions.
static __global__ void load(int matrices, Transposed transposed, const uint16_t* elements, uint32_t* out) {
    LSK_SHARED(raw);
    const int lane = threadIdx.x;
    auto* rows = reinterpret_cast<uint16_t*>(raw);
    const int count = matrices * 8;
    for (int row = 0; row < count; row++)
        if (lane < 8) rows[(count - 1 - row) * 8 + lane] = elements[row * 8 + lane];
    __syncwarp();
    const uint32_t address = ptx::shared_address(raw) + uint32_t(count - 1 - lane % count) * 16;
    uint32_t one;
    uint32_t two[2];
    uint32_t four[4];
    if (matrices == 1) {
        transposed == Transposed::yes ? ptx::ldmatrix_x1_trans(one, address) : ptx::ldmatrix_x1(one, address);
        out[lane] = one;
    } else if (matrices == 2) {
        transposed == Transposed::yes ? ptx::ldmatrix_x2_trans(two, address) : ptx::ldmatrix_x2(two, address);
        for (int i = 0; i < 2; i++) out[i * 32 + lane] = two[i];
    } else {
        transposed == Transposed::yes ? ptx::ldmatrix_x4_trans(four, address) : ptx::ldmatrix_x4(four, address);
        for (int i = 0; i < 4; i++) out[i * 32 + lane] = four[i];
    }
}

static __global__ void store(Transposed transposed, const uint32_t* registers, uint16_t* out) {
#if LSK_HAS_SM90A
    LSK_SHARED(raw);
    const int lane = threadIdx.x;
    const auto* rows = reinterpret_cast<const uint16_t*>(raw);
    uint32_t four[4];
    for (int i = 0; i < 4; i++) four[i] = registers[i * 32 + lane];
    const uint32_t address = ptx::shared_address(raw) + uint32_t(lane) * 16;
    transposed == Transposed::yes ? ptx::stmatrix_x4_trans(address, four) : ptx::stmatrix_x4(address, four);
    __syncwarp();
    for (int i = lane; i < 256; i += 32) out[i] = rows[i];
#endif
}

namespace {

std::vector<uint16_t> numbered() {
    std::vector<uint16_t> elements(256);
    for (size_t i = 0; i < elements.size(); i++) elements[i] = uint16_t(i * 3 + 1);
    return elements;
}

// The element of matrix `m` in half `half` of its register of `lane`.
size_t element_of(int m, int lane, int half, Transposed transposed) {
    const int row = lane / 4;
    const int column = lane % 4 * 2 + half;
    return size_t(m * 64 + (transposed == Transposed::yes ? column * 8 + row : row * 8 + column));
}

}  // namespace

TEST_SUITE("matrices") {
    TEST_CASE("ldmatrix hands every lane its pair of elements") {
        const std::vector<uint16_t> elements = numbered();
        const DeviceArray<uint16_t> device(elements);
        for (const int matrices : {1, 2, 4}) {
            for (const Transposed transposed : {Transposed::no, Transposed::yes}) {
                const DeviceArray<uint32_t> out(size_t(matrices) * 32);
                run({1, 32, 512}, load, matrices, transposed, device, out);
                const std::vector<uint32_t> got = out.values();
                for (int m = 0; m < matrices; m++)
                    for (int lane = 0; lane < 32; lane++)
                        for (int half = 0; half < 2; half++)
                            CHECK(uint16_t(got[size_t(m * 32 + lane)] >> half * 16) == elements[element_of(m, lane, half, transposed)]);
            }
        }
    }

    TEST_CASE("stmatrix is the inverse") {
        if (!has_sm90()) return;
        const std::vector<uint16_t> elements = numbered();
        for (const Transposed transposed : {Transposed::no, Transposed::yes}) {
            std::vector<uint32_t> registers(128);
            for (int m = 0; m < 4; m++)
                for (int lane = 0; lane < 32; lane++)
                    for (int half = 0; half < 2; half++)
                        registers[size_t(m * 32 + lane)] |= uint32_t(elements[element_of(m, lane, half, transposed)]) << half * 16;
            const DeviceArray<uint32_t> device(registers);
            const DeviceArray<uint16_t> out(256);
            run({1, 32, 512}, store, transposed, device, out);
            CHECK(out.values() == elements);
        }
    }
}
