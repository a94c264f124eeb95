// Conversions and approximations. Conversions are exact definitions: device and host must agree bit for bit.
#include "support.h"

using namespace lsk;
using namespace lsk::test;

static __global__ void narrow(const float* in, uint16_t* as_bf16, uint16_t* as_fp16, uint32_t* as_tf32, int count) {
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
        as_bf16[i] = device::from_float<bf16>(in[i]).bits;
        as_fp16[i] = device::from_float<fp16>(in[i]).bits;
        as_tf32[i] = ptx::to_tf32(in[i]);
    }
}

static __global__ void widen(float* from_bf16, float* from_fp16) {
    for (int i = threadIdx.x; i < 65536; i += blockDim.x) {
        from_bf16[i] = device::to_float(bf16{uint16_t(i)});
        from_fp16[i] = device::to_float(fp16{uint16_t(i)});
    }
}

static __global__ void pack(const float* in, uint32_t* as_bf16, uint32_t* as_fp16) {
    const int i = threadIdx.x;
    as_bf16[i] = ptx::pack_bf16(in[i * 2], in[i * 2 + 1]);
    as_fp16[i] = ptx::pack_fp16(in[i * 2], in[i * 2 + 1]);
}

static __global__ void approximate(const float* in, float* exp2, float* log2, float* reciprocal, float* tanh, int count) {
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
        exp2[i] = ptx::exp2(in[i]);
        log2[i] = ptx::log2(in[i]);
        reciprocal[i] = ptx::reciprocal(in[i]);
        tanh[i] = ptx::tanh(in[i]);
    }
}

namespace {

// Every pattern of the upper 19 bits with lower bits around the ties of all three types.
std::vector<float> around_ties() {
    std::vector<float> values;
    for (uint32_t top = 0; top < 65536; top += 7)
        for (const uint32_t low : {0x0000u, 0x0fffu, 0x1000u, 0x1001u, 0x2fffu, 0x3000u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu})
            values.push_back(std::bit_cast<float>(top << 16 | low));
    for (int exponent = -27; exponent <= -13; exponent++)    // fp16's subnormals
        for (int step = 0; step < 64; step++) values.push_back(std::ldexp(1.0f + float(step) / 64, exponent));
    for (const float value : {65503.9f, 65504.0f, 65519.996f, 65520.0f, -65520.0f, INFINITY, -INFINITY, 0.0f, -0.0f}) values.push_back(value);
    return values;
}

uint32_t tf32_by_hand(float value) {
    const uint32_t bits = std::bit_cast<uint32_t>(value);
    return (bits + 0x1000u) & 0xffffe000u;
}

}  // namespace

TEST_SUITE("conversions") {
    TEST_CASE("narrowing rounds to nearest, ties to even, tf32 away from zero") {
        const std::vector<float> values = around_ties();
        const DeviceArray<float> in(values);
        const DeviceArray<uint16_t> as_bf16(values.size());
        const DeviceArray<uint16_t> as_fp16(values.size());
        const DeviceArray<uint32_t> as_tf32(values.size());
        run({1, 128}, narrow, in, as_bf16, as_fp16, as_tf32, int(values.size()));
        const std::vector<uint16_t> b = as_bf16.values();
        const std::vector<uint16_t> h = as_fp16.values();
        const std::vector<uint32_t> t = as_tf32.values();
        int wrong = 0;
        for (size_t i = 0; i < values.size(); i++) {
            if (std::isnan(values[i])) {
                wrong += !std::isnan(to_float(bf16{b[i]})) || !std::isnan(to_float(fp16{h[i]}));
                continue;
            }
            wrong += b[i] != from_float<bf16>(values[i]).bits;
            wrong += h[i] != std::bit_cast<uint16_t>(static_cast<_Float16>(values[i]));
            wrong += !std::isinf(values[i]) && t[i] != tf32_by_hand(values[i]);
        }
        CHECK(wrong == 0);
    }

    TEST_CASE("the host's conversions are the compiler's") {
        int wrong = 0;
        for (const float value : around_ties())
            if (!std::isnan(value)) wrong += from_float<fp16>(value).bits != std::bit_cast<uint16_t>(static_cast<_Float16>(value));
        CHECK(wrong == 0);
    }

    TEST_CASE("widening is exact for all patterns") {
        const DeviceArray<float> from_bf16(65536);
        const DeviceArray<float> from_fp16(65536);
        run({1, 128}, widen, from_bf16, from_fp16);
        const std::vector<float> b = from_bf16.values();
        const std::vector<float> h = from_fp16.values();
        int wrong = 0;
        for (uint32_t i = 0; i < 65536; i++) {
            const float wide_b = std::bit_cast<float>(i << 16);
            const float wide_h = float(std::bit_cast<_Float16>(uint16_t(i)));
            wrong += std::isnan(wide_b) ? !std::isnan(b[i]) : std::bit_cast<uint32_t>(b[i]) != i << 16;
            wrong += std::isnan(wide_h) ? !std::isnan(h[i]) : std::bit_cast<uint32_t>(h[i]) != std::bit_cast<uint32_t>(wide_h);
        }
        CHECK(wrong == 0);
    }

    TEST_CASE("packing puts the first value into the low half") {
        const std::vector<float> values = small_integers(64, 5);
        const DeviceArray<float> in(values);
        const DeviceArray<uint32_t> as_bf16(32);
        const DeviceArray<uint32_t> as_fp16(32);
        run({}, pack, in, as_bf16, as_fp16);
        const std::vector<uint32_t> b = as_bf16.values();
        const std::vector<uint32_t> h = as_fp16.values();
        for (size_t i = 0; i < 32; i++) {
            CHECK(to_float(bf16{uint16_t(b[i])}) == values[i * 2]);
            CHECK(to_float(bf16{uint16_t(b[i] >> 16)}) == values[i * 2 + 1]);
            CHECK(to_float(fp16{uint16_t(h[i])}) == values[i * 2]);
            CHECK(to_float(fp16{uint16_t(h[i] >> 16)}) == values[i * 2 + 1]);
        }
    }

    TEST_CASE("approximations keep the errors the PTX manual gives") {
        std::vector<float> values;
        for (int i = 1; i < 2000; i++) values.push_back(float(i) * 0.01f);
        const DeviceArray<float> in(values);
        const DeviceArray<float> e(values.size());
        const DeviceArray<float> l(values.size());
        const DeviceArray<float> r(values.size());
        const DeviceArray<float> t(values.size());
        run({1, 128}, approximate, in, e, l, r, t, int(values.size()));
        const auto worst = [&](const DeviceArray<float>& got, auto exact, bool relative) {
            double most = 0;
            const std::vector<float> host = got.values();
            for (size_t i = 0; i < values.size(); i++) {
                const double want = exact(double(values[i]));
                most = std::max(most, std::abs(double(host[i]) - want) / (relative ? std::abs(want) : 1.0));
            }
            return most;
        };
        CHECK(worst(e, [](double x) { return std::exp2(x); }, true) < 0x1p-21);
        CHECK(worst(l, [](double x) { return std::log2(x); }, false) < 0x1p-20);
        CHECK(worst(r, [](double x) { return 1 / x; }, true) < 0x1p-22);
        CHECK(worst(t, [](double x) { return std::tanh(x); }, true) < 0x1p-10);
    }

    TEST_CASE("exp2 of minus infinity is zero, log2 of zero is minus infinity") {
        const DeviceArray<float> in(std::vector<float>{-INFINITY, 0.0f});
        const DeviceArray<float> e(2);
        const DeviceArray<float> l(2);
        const DeviceArray<float> r(2);
        const DeviceArray<float> t(2);
        run({}, approximate, in, e, l, r, t, 2);
        CHECK(e.values()[0] == 0.0f);
        CHECK(l.values()[1] == -INFINITY);
    }
}
