// cuBLASLt at run time: found, missing, incomplete, too old, failing. The one that is loaded here is made by the tests and works on the emulator's memory.
#include <dlfcn.h>
#include <cmath>
#include <cstdlib>
#include <string>
#include "emu.h"
#include "support/compare.h"
#include "support/device.h"
#include "support/refusal.h"
#include "support/samples.h"

using namespace lsk::test;

namespace {
// Sets an environment variable for one test.
struct Environment {
    std::string name;
    Environment(const char* variable, const std::string& value) : name(variable) { setenv(variable, value.c_str(), 1); }
    ~Environment() { unsetenv(name.c_str()); }
};

// The fake library's own account of what it was asked.
struct Fake {
    Environment chosen{"LSK_CUBLASLT", LSK_FAKE_CUBLASLT};
    void* library = dlopen(LSK_FAKE_CUBLASLT, RTLD_NOW);
    Fake() {
        REQUIRE(library);
        function<void (*)()>("fake_cublaslt_forget")();
    }
    ~Fake() { dlclose(library); }
    std::string log() const { return function<const char* (*)()>("fake_cublaslt_log")(); }
    int objects() const { return function<int (*)()>("fake_cublaslt_objects")(); }

private:
    template <class Function>
    Function function(const char* name) const {
        return reinterpret_cast<Function>(dlsym(library, name));
    }
};

// Large enough that cuBLASLt pays: y [512, 512] = x [512, 512] W.
constexpr int rows = 512, in = 512, out = 512;

struct Linear {
    const Device device;
    const lsk_dtype dtype;
    Plan plan;
    std::vector<double> x, w, b, before, dy;

    explicit Linear(lsk_dtype type, lsk_output_mode mode = LSK_OVERWRITE, int depth = in) : dtype(type) {
        const lsk_linear_shape shape{sizeof shape, dtype, rows, depth, out, mode};
        succeed(lsk_linear_plan(device.context, &shape, &plan.handle));
        x = rounded(normal(size_t(rows) * depth, 1), dtype), w = rounded(normal(size_t(depth) * out, 2, 1 / std::sqrt(double(depth))), dtype);
        b = rounded(normal(out, 3), dtype), before = rounded(normal(size_t(rows) * out, 4), dtype), dy = rounded(normal(size_t(rows) * out, 5), dtype);
    }

    // The output of a forward run, its input shifted by some elements; nothing where it must be refused with a text.
    std::vector<double> forward(bool bias, size_t shift_elements = 0, const char* refusal = nullptr) const {
        const auto shifted = [&](std::vector<double> values) {
            values.insert(values.begin(), shift_elements, 0.0);
            return values;
        };
        const size_t shift = shift_elements * element_bytes(dtype);
        const Tensor input(device, dtype, shifted(x)), weight(device, dtype, w), biases(device, dtype, b);
        Tensor output(device, dtype, before);
        const Workspace workspace(device, plan, LSK_FORWARD);
        const lsk_linear_tensors tensors{sizeof tensors, static_cast<std::byte*>(input.pointer()) + shift, weight.pointer(), bias ? biases.pointer() : nullptr, output.pointer(),
                                         nullptr, nullptr, nullptr, nullptr};
        const lsk_status status = lsk_linear_forward(plan.handle, &tensors, workspace.buffer, device.stream);
        if (refusal) {
            refused(status, LSK_DEVICE_ERROR, refusal);
            return {};
        }
        succeed(status);
        return output.values();
    }

    std::vector<double> expected(bool bias, bool add) const {
        std::vector<double> y(size_t(rows) * out);
        for (int row = 0; row < rows; row++)
            for (int k = 0; k < in; k++)
                for (int i = 0; i < out; i++) y[size_t(row) * out + i] += x[size_t(row) * in + k] * w[size_t(k) * out + i];
        for (size_t i = 0; i < y.size(); i++) y[i] += (bias ? b[i % out] : 0) + (add ? before[i] : 0);
        return y;
    }
};

void check_close(const std::vector<double>& actual, const std::vector<double>& expected, lsk_dtype dtype) {
    CHECK(relative_l2(actual, expected) <= (dtype == LSK_FLOAT32 ? 1e-6 : dtype == LSK_BFLOAT16 ? 4e-3 : 5e-4));
}

size_t count(const std::string& text, const std::string& part) {
    size_t found = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) found++;
    return found;
}

// A plan that falls back says why, and its products are right.
void check_falls_back(const char* reason) {
    const Linear linear(LSK_BFLOAT16);
    const std::string text = linear.plan.explain();
    CHECK_MESSAGE(count(text, reason) == 3, text);  // forward, and two gradients
    CHECK(count(text, "our kernel") == 3);
}
}  // namespace

TEST_SUITE("cublaslt") {
    TEST_CASE("an emulated device looks for none by itself") { check_falls_back("our kernel: an emulated device has no cuBLASLt"); }

    TEST_CASE("it can be forbidden") {
        const Environment environment("LSK_CUBLASLT", "off");
        check_falls_back("our kernel: cuBLASLt is forbidden by LSK_CUBLASLT=off");
    }

    TEST_CASE("a file that is not there is named") {
        const Environment environment("LSK_CUBLASLT", "/nowhere/libcublasLt.so.12");
        check_falls_back("our kernel: cuBLASLt not found: /nowhere/libcublasLt.so.12: cannot open shared object file");
    }

    TEST_CASE("a library that lacks a function is not used") {
        const Environment environment("LSK_CUBLASLT", LSK_FAKE_INCOMPLETE_CUBLASLT);
        check_falls_back("our kernel: cuBLASLt lacks cublasLtMatmul");
    }

    TEST_CASE("a library of another version, one that does not start, and one without an algorithm are not used, and nothing of theirs is left") {
        const Fake fake;
        for (const auto& [fault, reason] : std::initializer_list<std::pair<const char*, const char*>>{
                 {"version=110503", "our kernel: cuBLASLt 11.5.3 is not of version 12 or 13"},
                 {"version=140000", "our kernel: cuBLASLt 14.0.0 is not of version 12 or 13"},
                 {"create=1", "our kernel: cuBLASLt 12.4.5 did not start: status 1"},
                 {"heuristic=15", "our kernel: cuBLASLt 12.4.5 has no algorithm: status 15"},
                 {"found=0", "our kernel: cuBLASLt 12.4.5 has no algorithm"}}) {
            const Environment environment("FAKE_CUBLASLT", fault);
            check_falls_back(reason);
            CHECK(fake.objects() == 0);
        }
        CHECK(fake.log().empty());
    }

    TEST_CASE("a plan that fell back computes with our kernel") {
        const Environment environment("LSK_CUBLASLT", "off");
        const Linear linear(LSK_BFLOAT16);
        check_close(linear.forward(true), linear.expected(true, false), LSK_BFLOAT16);
    }

    TEST_CASE("forward products of half-width types go through it, with bias and added to the output") {
        const Fake fake;
        for (const lsk_dtype dtype : {LSK_BFLOAT16, LSK_FLOAT16})
            for (const lsk_output_mode mode : {LSK_OVERWRITE, LSK_ADD}) {
                const Linear linear(dtype, mode);
                CHECK_MESSAGE(count(linear.plan.explain(), "cuBLASLt 12.4.5, 4096 bytes of workspace: our kernel") == 3, linear.plan.explain());
                const bool add = mode == LSK_ADD;
                const std::vector<double> once = linear.forward(false), again = linear.forward(false), biased = linear.forward(true);
                CHECK(once == again);
                check_close(once, linear.expected(false, add), dtype);
                check_close(biased, linear.expected(true, add), dtype);
            }
        // In fp32 accumulators; added where asked; a bias and an addition together are our kernel's.
        CHECK(count(fake.log(), "compute 68 output 14\n") == 2);
        CHECK(count(fake.log(), "compute 68 output 14 add\n") == 3);
        CHECK(count(fake.log(), "compute 68 output 2\n") == 2);
        CHECK(count(fake.log(), "compute 68 output 2 add\n") == 3);
        CHECK(fake.objects() == 0);
    }

    TEST_CASE("gradients go through it") {
        const Fake fake;
        const Linear linear(LSK_BFLOAT16);
        const Tensor input(linear.device, LSK_BFLOAT16, linear.x), weight(linear.device, LSK_BFLOAT16, linear.w), gradient(linear.device, LSK_BFLOAT16, linear.dy);
        Tensor dx(linear.device, LSK_BFLOAT16, linear.x.size()), dw(linear.device, LSK_BFLOAT16, linear.w.size());
        const Workspace workspace(linear.device, linear.plan, LSK_BACKWARD);
        const lsk_linear_tensors tensors{sizeof tensors, input.pointer(), weight.pointer(), nullptr, nullptr, gradient.pointer(), dx.pointer(), dw.pointer(), nullptr};
        succeed(lsk_linear_backward(linear.plan.handle, &tensors, workspace.buffer, linear.device.stream));
        std::vector<double> of_input(linear.x.size()), of_weight(linear.w.size());
        for (int row = 0; row < rows; row++)
            for (int k = 0; k < in; k++)
                for (int i = 0; i < out; i++) {
                    const double dy = linear.dy[size_t(row) * out + i];
                    of_input[size_t(row) * in + k] += dy * linear.w[size_t(k) * out + i];
                    of_weight[size_t(k) * out + i] += linear.x[size_t(row) * in + k] * dy;
                }
        check_close(dx.values(), of_input, LSK_BFLOAT16);
        check_close(dw.values(), of_weight, LSK_BFLOAT16);
        CHECK(fake.log() == "compute 68 output 14\ncompute 68 output 14\n");
    }

    TEST_CASE("tensors that are not aligned take our kernel, and so do rows that are not whole chunks") {
        const Fake fake;
        const Linear linear(LSK_BFLOAT16);
        check_close(linear.forward(false, 1), linear.expected(false, false), LSK_BFLOAT16);
        CHECK(Linear(LSK_BFLOAT16, LSK_OVERWRITE, in + 1).plan.explain().find("our kernel, as rows are not whole chunks of 16 bytes") != std::string::npos);
        CHECK(fake.log().empty());
    }

    TEST_CASE("fp32 is its own where tensor cores have three products to make and are slow, and is not rounded") {
        const Fake fake;
        CHECK(count(Linear(LSK_FLOAT32).plan.explain(), "cycles against") == 3);
        const emu::Config before = emu::config();
        emu::config().compute_capability = 89;
        {
            const Linear linear(LSK_FLOAT32);
            check_close(linear.forward(false), linear.expected(false, false), LSK_FLOAT32);
        }
        emu::config() = before;
        CHECK(fake.log() == "compute 69 output 0\n");
    }

    TEST_CASE("a product that it refuses at run time is an error that says so") {
        const Fake fake;
        const Linear linear(LSK_BFLOAT16);
        {
            const Environment environment("FAKE_CUBLASLT", "multiply=14");
            linear.forward(false, 0, "multiplying with cuBLASLt 12.4.5, 4096 bytes of workspace failed: status 14 of cuBLASLt.");
        }
        check_close(linear.forward(false), linear.expected(false, false), LSK_BFLOAT16);
    }

    TEST_CASE("a wide gated FFN has the same gradients with it") {
        constexpr int width = 512, hidden = 512, tokens = 512;
        const auto gradients = [&] {
            const Device device;
            Plan plan;
            const lsk_gated_ffn_shape shape{sizeof shape, LSK_BFLOAT16, tokens, width, hidden, LSK_FFN_NORM_NONE, 1e-5f, LSK_OVERWRITE};
            succeed(lsk_gated_ffn_plan(device.context, &shape, &plan.handle));
            const auto weights = [&](int seed, int depth) { return rounded(normal(size_t(width) * hidden, seed, 1 / std::sqrt(double(depth))), LSK_BFLOAT16); };
            const Tensor input(device, LSK_BFLOAT16, rounded(normal(size_t(tokens) * width, 1), LSK_BFLOAT16)), up(device, LSK_BFLOAT16, weights(2, width));
            const Tensor gate(device, LSK_BFLOAT16, weights(3, width)), down(device, LSK_BFLOAT16, weights(4, hidden));
            const Tensor dy(device, LSK_BFLOAT16, rounded(normal(size_t(tokens) * width, 5), LSK_BFLOAT16));
            Tensor dx(device, LSK_BFLOAT16, size_t(tokens) * width), dup(device, LSK_BFLOAT16, size_t(width) * hidden);
            Tensor dgate(device, LSK_BFLOAT16, size_t(width) * hidden), ddown(device, LSK_BFLOAT16, size_t(width) * hidden);
            lsk_gated_ffn_tensors tensors{};
            tensors.struct_size = sizeof tensors;
            tensors.input = input.pointer(), tensors.up = up.pointer(), tensors.gate = gate.pointer(), tensors.down = down.pointer();
            lsk_gated_ffn_gradients to{};
            to.struct_size = sizeof to;
            to.output_gradient = dy.pointer(), to.input = dx.pointer(), to.up = dup.pointer(), to.gate = dgate.pointer(), to.down = ddown.pointer();
            const Workspace workspace(device, plan, LSK_BACKWARD);
            succeed(lsk_gated_ffn_backward(plan.handle, &tensors, &to, workspace.buffer, device.stream));
            return std::vector{dx.values(), dup.values(), dgate.values(), ddown.values()};
        };
        const auto own = gradients();
        const Fake fake;
        const auto theirs = gradients();
        CHECK(count(fake.log(), "compute 68 output 0") >= 3);  // gradients of weights, in fp32
        for (size_t i = 0; i < own.size(); i++) CHECK(relative_l2(theirs[i], own[i]) <= 6e-3);
    }
}
