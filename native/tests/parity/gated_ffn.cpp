#include <memory>
#include "support/compare.h"
#include "support/device.h"
#include "support/samples.h"

using namespace lsk::test;

namespace {
constexpr float epsilon = 1e-5f;

struct Case {
    int rows, width, hidden_width;
    lsk_ffn_norm norm;
    bool affine;
};

// Off every tile; the last has several blocks of rows.
constexpr Case cases[] = {{0, 8, 16, LSK_FFN_NORM_LAYER, true},    {1, 1, 2, LSK_FFN_NORM_LAYER, true},   {3, 7, 14, LSK_FFN_NORM_LAYER, false},
                          {17, 20, 33, LSK_FFN_NORM_NONE, true},   {65, 32, 64, LSK_FFN_NORM_LAYER, true}, {63, 64, 40, LSK_FFN_NORM_NONE, false},
                          {66, 100, 40, LSK_FFN_NORM_LAYER, true}, {9, 256, 96, LSK_FFN_NORM_LAYER, true}, {3, 520, 24, LSK_FFN_NORM_LAYER, true},
                          {260, 12, 512, LSK_FFN_NORM_LAYER, true}};

using Values = std::vector<double>;

constexpr int tensors_of_interest = 9;  // input, up, gate, down, up bias, gate bias, down bias, norm gain, norm bias
constexpr const char* names[tensors_of_interest] = {"input", "up", "gate", "down", "up_bias", "gate_bias", "down_bias", "norm_gain", "norm_bias"};

struct Data {
    Case c;
    lsk_dtype dtype;
    Values of[tensors_of_interest];
    Values gradient;

    Data(const Case& shape, lsk_dtype type) : c(shape), dtype(type) {
        const size_t d = size_t(c.width), r = size_t(c.hidden_width), counts[] = {size_t(c.rows) * d, d * r, d * r, d * r, r, r, d, d, d};
        for (int i = 0; i < tensors_of_interest; i++) {
            const double factor = i == 0 || i > 3 ? 1 : 1 / std::sqrt(double(i == 3 ? r : d));
            of[i] = rounded(normal(counts[i], uint64_t(i), factor), dtype);
        }
        gradient = rounded(normal(size_t(c.rows) * d, 20), dtype);
    }
    bool has(int i) const { return i < 4 || (c.affine && (i < 7 || c.norm == LSK_FFN_NORM_LAYER)); }
};

struct Results {
    Values output;
    Values gradients[tensors_of_interest];
};

// The definition in double; where `stored` says, with every intermediate tensor rounded to the storage type: the naive computation.
class Twin {
public:
    Twin(const Data& data, bool stored) : d_(data), stored_(stored), rows_(size_t(data.c.rows)), width_(size_t(data.c.width)), hidden_(size_t(data.c.hidden_width)) {}

    Results run() const {
        Results r;
        const Values u = affine(multiply(d_.of[0], d_.of[1], rows_, width_, hidden_), 4), g = affine(multiply(d_.of[0], d_.of[2], rows_, width_, hidden_), 5);
        Values h(u.size());
        for (size_t i = 0; i < h.size(); i++) h[i] = u[i] * g[i] * sigmoid(g[i]);
        h = store(h);
        const Values z = affine(multiply(h, d_.of[3], rows_, hidden_, width_), 6);
        r.gradients[7].resize(width_);
        r.gradients[8].resize(width_);
        const Values dz = norm(z, r);
        const Values dh = multiply(dz, transposed(d_.of[3], hidden_, width_), rows_, width_, hidden_);
        Values du(h.size()), dg(h.size());
        for (size_t i = 0; i < h.size(); i++) {
            const double s = sigmoid(g[i]);
            du[i] = dh[i] * g[i] * s;
            dg[i] = dh[i] * u[i] * s * (1 + g[i] * (1 - s));
        }
        du = store(du);
        dg = store(dg);
        r.gradients[0] = multiply(du, transposed(d_.of[1], width_, hidden_), rows_, hidden_, width_);
        const Values other = multiply(dg, transposed(d_.of[2], width_, hidden_), rows_, hidden_, width_);
        for (size_t i = 0; i < other.size(); i++) r.gradients[0][i] += other[i];
        const Values x_transposed = transposed(d_.of[0], rows_, width_);
        r.gradients[1] = multiply(x_transposed, du, width_, rows_, hidden_);
        r.gradients[2] = multiply(x_transposed, dg, width_, rows_, hidden_);
        r.gradients[3] = multiply(transposed(h, rows_, hidden_), dz, hidden_, rows_, width_);
        r.gradients[4] = column_sums(du, hidden_);
        r.gradients[5] = column_sums(dg, hidden_);
        r.gradients[6] = column_sums(dz, width_);
        return r;
    }

private:
    static double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
    Values store(Values values) const { return stored_ ? rounded(std::move(values), d_.dtype) : values; }

    Values multiply(const Values& a, const Values& b, size_t rows, size_t depth, size_t columns) const {
        Values c(rows * columns);
        for (size_t i = 0; i < rows; i++)
            for (size_t k = 0; k < depth; k++)
                for (size_t j = 0; j < columns; j++) c[i * columns + j] += a[i * depth + k] * b[k * columns + j];
        return store(c);
    }
    static Values transposed(const Values& a, size_t rows, size_t columns) {
        Values t(a.size());
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < columns; j++) t[j * rows + i] = a[i * columns + j];
        return t;
    }
    Values affine(Values values, int bias) const {
        for (size_t i = 0; i < values.size() && d_.c.affine; i++) values[i] += d_.of[bias][i % d_.of[bias].size()];
        return store(values);
    }
    static Values column_sums(const Values& values, size_t width) {
        Values sums(width);
        for (size_t i = 0; i < values.size(); i++) sums[i % width] += values[i];
        return sums;
    }

    // The output, the gradients of gain and bias, and dz.
    Values norm(const Values& z, Results& r) const {
        r.output = z;
        if (d_.c.norm == LSK_FFN_NORM_NONE) return d_.gradient;
        Values dz(z.size());
        for (size_t row = 0; row < rows_; row++) {
            const double *x = &z[row * width_], *dy = &d_.gradient[row * width_];
            double mean = 0, variance = 0, mean_scaled = 0, mean_product = 0;
            for (size_t i = 0; i < width_; i++) mean += x[i] / double(width_);
            for (size_t i = 0; i < width_; i++) variance += (x[i] - mean) * (x[i] - mean) / double(width_);
            const double inverse = 1 / std::sqrt(variance + double(epsilon));
            const auto gain = [&](size_t i) { return d_.c.affine ? d_.of[7][i] : 1; };
            for (size_t i = 0; i < width_; i++) {
                const double n = (x[i] - mean) * inverse;
                r.output[row * width_ + i] = n * gain(i) + (d_.c.affine ? d_.of[8][i] : 0);
                r.gradients[7][i] += dy[i] * n;
                r.gradients[8][i] += dy[i];
                mean_scaled += dy[i] * gain(i) / double(width_);
                mean_product += dy[i] * gain(i) * n / double(width_);
            }
            for (size_t i = 0; i < width_; i++) dz[row * width_ + i] = (dy[i] * gain(i) - mean_scaled - (x[i] - mean) * inverse * mean_product) * inverse;
        }
        return store(dz);
    }

    const Data& d_;
    bool stored_;
    size_t rows_, width_, hidden_;
};

double magnitude(const Values& values) {
    double largest = 0.3;
    for (const double value : values) largest = std::max(largest, std::abs(value));
    return largest;
}

void check(const char* what, const Values& actual, const Values& reference, Values naive, lsk_dtype dtype) {
    naive = rounded(std::move(naive), dtype);
    check_against_naive(what, actual, reference, naive, (dtype == LSK_FLOAT32 ? 16 : 1) * unit_roundoff(dtype) * magnitude(reference));
}

lsk_gated_ffn_shape shape_of(const Data& d, lsk_output_mode mode) {
    return {sizeof(lsk_gated_ffn_shape), d.dtype, d.c.rows, d.c.width, d.c.hidden_width, d.c.norm, epsilon, mode};
}

// Every parameter on the device.
struct Inputs {
    std::vector<std::unique_ptr<Tensor>> tensors;
    lsk_gated_ffn_tensors all{};

    Inputs(const Device& device, const Data& d) {
        const void** places[] = {&all.input, &all.up, &all.gate, &all.down, &all.up_bias, &all.gate_bias, &all.down_bias, &all.norm_gain, &all.norm_bias};
        all.struct_size = sizeof all;
        for (int i = 0; i < tensors_of_interest; i++) {
            tensors.push_back(std::make_unique<Tensor>(device, d.dtype, d.of[i]));
            if (d.has(i)) *places[i] = tensors.back()->pointer();
        }
    }
};
}  // namespace

TEST_SUITE("gated_ffn") {
    TEST_CASE("output and gradients are within twice the error of the naive computation, overwritten or added, twice with the same bits") {
        const Device device;
        for (const lsk_dtype dtype : all_dtypes)
            for (const Case& c : cases) {
                if (dtype != LSK_FLOAT32 && c.rows > 100) continue;  // slow, and its blocks of rows have no type
                const lsk_output_mode mode = c.rows % 2 ? LSK_ADD : LSK_OVERWRITE;
                CAPTURE(dtype);
                CAPTURE(c.rows);
                CAPTURE(c.width);
                const Data d(c, dtype);
                Plan plan;
                const lsk_gated_ffn_shape shape = shape_of(d, mode);
                succeed(lsk_gated_ffn_plan(device.context, &shape, &plan.handle));
                const Workspace forward(device, plan, LSK_FORWARD), backward(device, plan, LSK_BACKWARD);
                Inputs inputs(device, d);
                const Tensor dy(device, dtype, d.gradient);
                Tensor output(device, dtype, d.gradient.size());
                inputs.all.output = output.pointer();
                succeed(lsk_gated_ffn_forward(plan.handle, &inputs.all, forward.buffer, device.stream));
                const std::vector<std::byte> first = output.raw();
                succeed(lsk_gated_ffn_forward(plan.handle, &inputs.all, forward.buffer, device.stream));
                CHECK(first == output.raw());
                Results reference = Twin(d, false).run(), naive = Twin(d, true).run();
                check("output", output.values(), reference.output, naive.output, dtype);
                std::vector<std::unique_ptr<Tensor>> results;
                lsk_gated_ffn_gradients g{};
                g.struct_size = sizeof g;
                g.output_gradient = dy.pointer();
                void** places[] = {&g.input, &g.up, &g.gate, &g.down, &g.up_bias, &g.gate_bias, &g.down_bias, &g.norm_gain, &g.norm_bias};
                for (int i = 0; i < tensors_of_interest; i++) {
                    const Values before = rounded(normal(d.of[i].size(), 30), dtype);
                    results.push_back(mode == LSK_ADD ? std::make_unique<Tensor>(device, dtype, before) : std::make_unique<Tensor>(device, dtype, before.size()));
                    for (size_t at = 0; at < before.size() && mode == LSK_ADD; at++) {
                        reference.gradients[i][at] += before[at];
                        naive.gradients[i][at] += before[at];
                    }
                    if (i < 7 || c.norm == LSK_FFN_NORM_LAYER) *places[i] = results.back()->pointer();
                }
                succeed(lsk_gated_ffn_backward(plan.handle, &inputs.all, &g, backward.buffer, device.stream));
                for (int i = 0; i < tensors_of_interest; i++)
                    if (*places[i]) check(names[i], results[size_t(i)]->values(), reference.gradients[i], naive.gradients[i], dtype);
            }
    }

    TEST_CASE("gradients that are not wanted are not computed, and the others keep their bits") {
        const Device device;
        const Data d({70, 24, 48, LSK_FFN_NORM_LAYER, true}, LSK_BFLOAT16);
        Plan plan;
        const lsk_gated_ffn_shape shape = shape_of(d, LSK_OVERWRITE);
        succeed(lsk_gated_ffn_plan(device.context, &shape, &plan.handle));
        const Workspace workspace(device, plan, LSK_BACKWARD);
        const Inputs inputs(device, d);
        const Tensor dy(device, d.dtype, d.gradient);
        Tensor both(device, d.dtype, d.of[3].size()), alone(device, d.dtype, d.of[3].size()), dx(device, d.dtype, d.of[0].size());
        lsk_gated_ffn_gradients g{};
        g.struct_size = sizeof g;
        g.output_gradient = dy.pointer();
        g.down = alone.pointer();
        succeed(lsk_gated_ffn_backward(plan.handle, &inputs.all, &g, workspace.buffer, device.stream));
        g.down = both.pointer();
        g.input = dx.pointer();
        succeed(lsk_gated_ffn_backward(plan.handle, &inputs.all, &g, workspace.buffer, device.stream));
        CHECK(alone.raw() == both.raw());
    }
}
