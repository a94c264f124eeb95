// ldmatrix, stmatrix and mma.sync.
#include <bit>
#include <cmath>
#include "state.h"

namespace emu {

namespace {

enum Kind { kind_ldmatrix = 16, kind_stmatrix = 32, kind_mma = 64 };

// ---- 8 x 8 matrices of 16-bit elements in shared memory -----------------------------------------------------------

struct MatrixArguments {
    uint32_t* registers;
    uint32_t address;
    int matrices;
    bool transposed;
    Fiber* fiber;
    const void* where;
};

const MatrixArguments& argument(const Collective& meeting, int lane) { return *static_cast<MatrixArguments*>(meeting.arguments[lane]); }

enum class Direction { load, store };

void check_rows(const Collective& meeting, int matrices, Direction direction) {
    const char* name = direction == Direction::store ? "stmatrix" : "ldmatrix";
    Totals& totals = block->cluster->totals;
    for (int matrix = 0; matrix < matrices; matrix++) {
        uint64_t address[8];
        uint32_t size[8];
        for (int row = 0; row < 8; row++) {
            const MatrixArguments& a = argument(meeting, matrix * 8 + row);
            if (a.address % 16) fault("%s: row address 0x%x is not 16-byte aligned", name, a.address);
            block->shared(a.address, 16, name);
            address[row] = a.address;
            size[row] = 16;
            if (direction == Direction::store)
                race_shared_write(*a.fiber, *block, a.address, 16, a.where);
            else
                race_shared_read(*a.fiber, *block, a.address, 16, a.where);
        }
        if (!instrumented) continue;
        uint32_t ideal;
        totals.ldmatrix_wavefronts += bank_wavefronts(address, size, 8, &ideal);
        totals.ldmatrix_ideal += ideal;
        log_request(argument(meeting, 0).where, true, direction == Direction::store, address, size, 8);
    }
    totals.ldmatrix++;
}

void execute_ldmatrix(Warp&, Collective& meeting) {
    const MatrixArguments& first = argument(meeting, 0);
    check_rows(meeting, first.matrices, Direction::load);
    for (int matrix = 0; matrix < first.matrices; matrix++) {
        uint16_t tile[8][8];
        for (int row = 0; row < 8; row++) memcpy(tile[row], block->arena + argument(meeting, matrix * 8 + row).address, 16);
        for (int lane = 0; lane < 32; lane++) {
            const int row = lane / 4;
            const int column = lane % 4 * 2;
            const uint16_t low = first.transposed ? tile[column][row] : tile[row][column];
            const uint16_t high = first.transposed ? tile[column + 1][row] : tile[row][column + 1];
            argument(meeting, lane).registers[matrix] = uint32_t(high) << 16 | low;
        }
    }
}

void execute_stmatrix(Warp&, Collective& meeting) {
    const MatrixArguments& first = argument(meeting, 0);
    check_rows(meeting, first.matrices, Direction::store);
    for (int matrix = 0; matrix < first.matrices; matrix++) {
        uint16_t tile[8][8];
        for (int lane = 0; lane < 32; lane++) {
            const uint32_t value = argument(meeting, lane).registers[matrix];
            const int row = lane / 4;
            const int column = lane % 4 * 2;
            (first.transposed ? tile[column][row] : tile[row][column]) = uint16_t(value);
            (first.transposed ? tile[column + 1][row] : tile[row][column + 1]) = uint16_t(value >> 16);
        }
        for (int row = 0; row < 8; row++) memcpy(block->arena + argument(meeting, matrix * 8 + row).address, tile[row], 16);
    }
}

// ---- mma.sync m16n8 -----------------------------------------------------------------------------------------------

struct MmaArguments {
    Type type;
    float* d;
    const uint32_t* a;
    const uint32_t* b;
    const float* c;
};

float tf32_to_float(uint32_t bits) { return std::bit_cast<float>(bits & 0xffffe000u); }

// A row of eight columns. As doubles, in which a product of two operands is exact, they are converted once and not at each product.
using Columns = double __attribute__((vector_size(64)));

struct Operands {
    double a[16][16];
    Columns b[16];
    Columns c[16];
};

void gather_tf32(Operands& to, const MmaArguments& m, int group, int in_group) {
    to.a[group][in_group] = tf32_to_float(m.a[0]);
    to.a[group + 8][in_group] = tf32_to_float(m.a[1]);
    to.a[group][in_group + 4] = tf32_to_float(m.a[2]);
    to.a[group + 8][in_group + 4] = tf32_to_float(m.a[3]);
    to.b[in_group][group] = tf32_to_float(m.b[0]);
    to.b[in_group + 4][group] = tf32_to_float(m.b[1]);
}

void gather_16_bit(Operands& to, const MmaArguments& m, int group, int in_group) {
    for (int half = 0; half < 2; half++) {
        const auto value = [&](uint32_t pair) { return to_float(m.type, uint16_t(pair >> 16 * half)); };
        const int column = in_group * 2 + half;
        to.a[group][column] = value(m.a[0]);
        to.a[group + 8][column] = value(m.a[1]);
        to.a[group][column + 8] = value(m.a[2]);
        to.a[group + 8][column + 8] = value(m.a[3]);
        to.b[column][group] = value(m.b[0]);
        to.b[column + 8][group] = value(m.b[1]);
    }
}

// With the widest vectors of the processor; without contraction they all give the same bits. (AddressSanitizer is not ready yet when such clones are chosen.)
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
__attribute__((target_clones("avx512f", "avx2", "default")))
#endif
void multiply(Operands& operands, int depth) {
    for (int row = 0; row < 16; row++) {
        Columns sums = operands.c[row];
        for (int k = 0; k < depth; k++) sums += operands.a[row][k] * operands.b[k];
        operands.c[row] = sums;
    }
}

void execute_mma(Warp&, Collective& meeting) {
    const Type type = static_cast<MmaArguments*>(meeting.arguments[0])->type;
    const int depth = type == Type::tf32 ? 8 : 16;
    Operands operands;
    for (int lane = 0; lane < 32; lane++) {
        const auto& m = *static_cast<MmaArguments*>(meeting.arguments[lane]);
        const int group = lane / 4;
        const int in_group = lane % 4;
        if (type == Type::tf32)
            gather_tf32(operands, m, group, in_group);
        else
            gather_16_bit(operands, m, group, in_group);
        for (int e = 0; e < 4; e++) operands.c[group + e / 2 * 8][in_group * 2 + e % 2] = m.c[e];
    }
    multiply(operands, depth);
    for (int lane = 0; lane < 32; lane++) {
        float* d = static_cast<MmaArguments*>(meeting.arguments[lane])->d;
        for (int e = 0; e < 4; e++) d[e] = narrow(operands.c[lane / 4 + e / 2 * 8][lane % 4 * 2 + e % 2]);
    }
    Totals& totals = block->cluster->totals;
    totals.mma++;
    totals.mma_flop += uint64_t(2 * 16 * 8 * depth);
}

}  // namespace

void ldmatrix(uint32_t* registers, int matrices, bool transposed, uint32_t address) {
    MatrixArguments arguments{registers, address, matrices, transposed, self, EMU_CALLER};
    collective(kind_ldmatrix + matrices * 2 + transposed, "ldmatrix", ~0u, &arguments, execute_ldmatrix);
}

void stmatrix(const uint32_t* registers, int matrices, bool transposed, uint32_t address) {
    MatrixArguments arguments{const_cast<uint32_t*>(registers), address, matrices, transposed, self, EMU_CALLER};
    collective(kind_stmatrix + matrices * 2 + transposed, "stmatrix", ~0u, &arguments, execute_stmatrix);
}

void mma_m16n8(Type type, float* d, const uint32_t* a, const uint32_t* b, const float* c) {
    MmaArguments arguments{type, d, a, b, c};
    collective(kind_mma + int(type), "mma.sync", ~0u, &arguments, execute_mma);
}

static float fp16_to_float(uint16_t bits) {
    const int exponent = bits >> 10 & 31;
    const int fraction = bits & 1023;
    float value;
    if (exponent == 31)
        value = fraction ? NAN : INFINITY;
    else if (exponent)
        value = std::ldexp(float(fraction + 1024), exponent - 25);
    else
        value = std::ldexp(float(fraction), -24);
    return bits >> 15 ? -value : value;
}

float to_float(Type type, uint16_t bits) {
    if (type == Type::bf16) return std::bit_cast<float>(uint32_t(bits) << 16);
    static const std::vector<float> table = [] {
        std::vector<float> values(65536);
        for (uint32_t i = 0; i < 65536; i++) values[i] = fp16_to_float(uint16_t(i));
        return values;
    }();
    return table[bits];
}

// Tensor cores align the products of one instruction to the largest and drop what falls off the end; rounding the exact sum
// toward zero has the same bias, and an error at most as large.
float narrow(double sum) {
    const float nearest = float(sum);
    if (!config().truncate_mma || !std::isfinite(nearest)) return nearest;
    return std::fabs(double(nearest)) > std::fabs(sum) ? std::nextafter(nearest, 0.0f) : nearest;
}

}  // namespace emu
