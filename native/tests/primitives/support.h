// What the primitive tests share: layout tables, arrays in device memory, checked launches. Works with CUDA and with the emulator.
#pragma once
#include <doctest/doctest.h>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <vector>
#include "device/conversions.cuh"

namespace lsk::test {

// ---- layouts.txt ----------------------------------------------------------------------------------------------------------

// Which element of a matrix (column-major index) a thread's value is.
struct ThreadValues {
    int threads;
    int values;
    std::vector<int> element;
    int operator()(int thread, int value) const { return element[size_t(thread) * values + value]; }
};

// Where an operand of wgmma lies in shared memory (bytes, 16-bit elements), and the descriptor of each step of 16 along k.
struct Operand {
    struct Step {
        int start;
        int leading;
        int stride;
        int swizzle;
    };
    bool mn_major;
    int mn;
    int k;
    std::vector<int> offset;    // [mn][k]
    std::vector<Step> steps;
};

struct Layouts {
    std::map<std::string, ThreadValues> maps;
    std::map<std::string, Operand> operands;

    Layouts() {
        // A test that has been carried to another machine is told where its tables lie there.
        const char* carried = std::getenv("LSK_LAYOUTS");
        std::ifstream in(carried ? carried : LSK_LAYOUTS);
        REQUIRE_MESSAGE(in.good(), "the layout tables cannot be read: " << (carried ? carried : LSK_LAYOUTS));
        std::string kind;
        std::string name;
        while (in >> kind >> name) {
            if (kind == "map") {
                ThreadValues& map = maps[name];
                in >> map.threads >> map.values;
                map.element.resize(size_t(map.threads) * map.values);
                for (int& each : map.element) in >> each;
            } else {
                Operand& operand = operands[name];
                in >> operand.mn_major >> operand.mn >> operand.k;
                operand.offset.resize(size_t(operand.mn) * operand.k);
                for (int& each : operand.offset) in >> each;
                operand.steps.resize(size_t(operand.k) / 16);
                for (Operand::Step& step : operand.steps) in >> step.start >> step.leading >> step.stride >> step.swizzle;
            }
        }
        REQUIRE(maps.size() == 9);
        REQUIRE(operands.size() == 10);
    }
};

inline const Layouts& layouts() {
    static const Layouts instance;
    return instance;
}

// ---- the device -------------------------------------------------------------------------------------------------------------

inline void succeed(cudaError_t error) { REQUIRE_MESSAGE(error == cudaSuccess, cudaGetErrorString(error)); }

inline bool has_sm90() {
    int major = 0;
    succeed(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0));
    return major >= 9;
}

template <class T>
class DeviceArray {
public:
    explicit DeviceArray(size_t count) : count_(count) { succeed(cudaMalloc(reinterpret_cast<void**>(&pointer_), count * sizeof(T))); }
    explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
        succeed(cudaMemcpy(pointer_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice));
    }
    ~DeviceArray() { cudaFree(pointer_); }
    DeviceArray(const DeviceArray&) = delete;
    DeviceArray& operator=(const DeviceArray&) = delete;

    T* get() const { return pointer_; }
    operator T*() const { return pointer_; }
    std::vector<T> values() const {
        std::vector<T> host(count_);
        succeed(cudaMemcpy(host.data(), pointer_, count_ * sizeof(T), cudaMemcpyDeviceToHost));
        return host;
    }

private:
    size_t count_;
    T* pointer_ = nullptr;
};

struct Grid {
    dim3 blocks{1};
    dim3 threads{32};
    size_t shared_bytes = 0;
    LaunchAttributes attributes{};
};

template <class... Parameters, class... Arguments>
cudaError_t try_run(const Grid& grid, void (*kernel)(Parameters...), const Arguments&... arguments) {
    const cudaError_t error =
        launch_with(grid.attributes, "test", kernel, grid.blocks, grid.threads, grid.shared_bytes, nullptr, static_cast<Parameters>(arguments)...);
    const cudaError_t later = cudaDeviceSynchronize();
    return error ? error : later;
}

template <class... Parameters, class... Arguments>
void run(const Grid& grid, void (*kernel)(Parameters...), const Arguments&... arguments) {
    succeed(try_run(grid, kernel, arguments...));
}

// ---- values -----------------------------------------------------------------------------------------------------------------

// Small integers: their products and sums are exact in every type, so results must be equal.
inline std::vector<float> small_integers(size_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<float> values(count);
    for (float& value : values) value = float(int(random() % 17) - 8);
    return values;
}

template <class T>
uint16_t half_bits(float value) {
    return from_float<T>(value).bits;
}

}  // namespace lsk::test
