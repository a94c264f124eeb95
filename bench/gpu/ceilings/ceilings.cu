// Measures what this device can do at best, and prints it as one JSON object: memory copy and read, read out of the L2, bf16 products through mma.sync on
// random data, 2^x, and the cost of a launch, of a graph's launch and of a graph's node. The best of several tries counts: these are denominators.
// Usage: lsk_ceilings [--tiny]      tiny sizes, for the emulator, whose rates mean nothing; every sum is checked either way
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <vector>
#include "ceilings/arithmetic.cuh"
#include "ceilings/memory.cuh"

using namespace lsk;
using namespace lsk::ceilings;

namespace {

void require(cudaError_t error, const char* what) {
    if (error == cudaSuccess) return;
    std::fprintf(stderr, "ceilings: %s failed: %s\n", what, cudaGetErrorString(error));
    std::exit(1);
}

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "ceilings: %s\n", what);
    std::exit(1);
}

// Every block moves the same number of bytes: a buffer holds whole steps of all blocks.
constexpr unsigned memory_blocks_per_multiprocessor = 4, l2_blocks_per_multiprocessor = 2;

struct Sizes {
    int memory_steps;  // 62 make 2 GiB on 132 multiprocessors
    int l2_passes;     // over one step per block, 17 MB there: a part of the L2 that is near
    int matrix_iterations;
    int exponential_iterations;
    int launches;
    int tries;
};

constexpr Sizes full{62, 40, 4096, 4096, 1000, 7};
constexpr Sizes tiny{2, 2, 2, 3, 4, 1};

template <class T>
class Memory {
public:
    explicit Memory(int64_t count) : count_(count) {
        void* pointer = nullptr;
        require(cudaMalloc(&pointer, size_t(count) * sizeof(T)), "allocating device memory");
        first_ = static_cast<T*>(pointer);
    }
    ~Memory() { cudaFree(first_); }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;

    T* get() const { return first_; }

    void write(const std::vector<T>& host) { require(cudaMemcpy(first_, host.data(), host.size() * sizeof(T), cudaMemcpyHostToDevice), "copying to the device"); }

    std::vector<T> read() const {
        std::vector<T> host(static_cast<size_t>(count_));
        require(cudaMemcpy(host.data(), first_, host.size() * sizeof(T), cudaMemcpyDeviceToHost), "copying from the device");
        return host;
    }

private:
    int64_t count_;
    T* first_ = nullptr;
};

class Bench {
public:
    Bench(const Sizes& sizes, int multiprocessors) : sizes_(sizes), multiprocessors_(unsigned(multiprocessors)) {
        require(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "creating a stream");
        require(cudaEventCreate(&start_), "creating an event");
        require(cudaEventCreate(&end_), "creating an event");
    }

    void copy_rate() {
        const unsigned blocks = multiprocessors_ * memory_blocks_per_multiprocessor;
        const int64_t chunks = chunks_per_step * blocks * sizes_.memory_steps;
        const Memory<uint4> from(chunks), to(chunks);
        fill(from, chunks);
        require(cudaMemset(to.get(), 0xff, size_t(chunks) * 16), "clearing");
        const double seconds = best([&] { return launch("copy", copy_kernel, dim3(blocks), dim3(memory_threads), 0, stream_, from.get(), to.get(), chunks); });
        const std::vector<uint4> copied = to.read();
        for (int64_t i = 0; i < chunks; i += 997) require(copied[size_t(i)].w == word(i * 4 + 3), "the copy differs from its source");
        print("copy_bytes_per_second", 2.0 * 16 * double(chunks) / seconds);
    }

    void read_rates() {
        read_rate("read_bytes_per_second", memory_blocks_per_multiprocessor, sizes_.memory_steps, 1);
        read_rate("l2_read_bytes_per_second", l2_blocks_per_multiprocessor, 1, sizes_.l2_passes);
    }

    void read_rate(const char* name, unsigned blocks_per_multiprocessor, int steps, int passes) {
        const unsigned blocks = multiprocessors_ * blocks_per_multiprocessor;
        const int64_t chunks = chunks_per_step * blocks * steps;
        const Memory<uint4> from(chunks);
        const Memory<uint32_t> sums(blocks * memory_threads);
        fill(from, chunks);
        const double seconds = best([&] { return launch("read", read_kernel, dim3(blocks), dim3(memory_threads), 0, stream_, from.get(), sums.get(), chunks, passes); });
        check_sums(sums.read(), blocks, chunks, passes);
        print(name, 16 * double(chunks) * passes / seconds);
    }

    void matrix_rate() {
        const unsigned blocks = multiprocessors_ * matrix_blocks_per_multiprocessor;
        Memory<uint32_t> operands(words_per_warp);
        const Memory<float> sums(blocks * matrix_threads);
        std::mt19937 random(1);
        std::normal_distribution<float> normal;
        std::vector<uint32_t> host(words_per_warp);
        for (uint32_t& pair : host) pair = from_float<bf16>(normal(random)).bits | uint32_t(from_float<bf16>(normal(random)).bits) << 16;
        operands.write(host);
        const double seconds = best([&] {
            return launch("matrix", matrix_kernel, dim3(blocks), dim3(matrix_threads), 0, stream_, operands.get(), sums.get(), sizes_.matrix_iterations);
        });
        const std::vector<float> result = sums.read();
        for (size_t i = 0; i < result.size(); i++)
            require(std::isfinite(result[i]) && result[i] == result[i % 32] && result[i] != 0, "warps with the same operands differ in their products");
        const double products = double(blocks) * (matrix_threads / 32) * tiles_a * tiles_b * sizes_.matrix_iterations;
        print("mma_per_second", products * operations_per_product / seconds);
    }

    void exponential_rate() {
        const unsigned blocks = multiprocessors_ * exponential_blocks_per_multiprocessor;
        const Memory<float> sums(blocks * exponential_threads);
        const double seconds =
            best([&] { return launch("exponential", exponential_kernel, dim3(blocks), dim3(exponential_threads), 0, stream_, sums.get(), sizes_.exponential_iterations); });
        for (const float sum : sums.read()) require(sum > 0 && sum <= exponentials_in_flight, "an exponential left its range");
        print("exp2_per_second", double(blocks) * exponential_threads * exponentials_in_flight * sizes_.exponential_iterations / seconds);
    }

    void launch_costs() {
        const auto one = [&] { return launch("empty", empty_kernel, dim3(1), dim3(32), 0, stream_); };
        const auto many = [&] { return repeated(one); };
        print("launch_seconds", best(many) / sizes_.launches);
        const cudaGraphExec_t single = captured(one), nodes = captured(many);
        print("graph_launch_seconds", best([&] { return repeated([&] { return cudaGraphLaunch(single, stream_); }); }) / sizes_.launches);
        print("graph_node_seconds", best([&] { return cudaGraphLaunch(nodes, stream_); }) / sizes_.launches);
        require(cudaGraphExecDestroy(single), "destroying a graph");
        require(cudaGraphExecDestroy(nodes), "destroying a graph");
    }

private:
    static uint32_t word(int64_t i) { return uint32_t(i) * 2654435761u; }

    // Word i of the buffer is word(i).
    static void fill(const Memory<uint4>& memory, int64_t chunks) {
        std::vector<uint4> host(static_cast<size_t>(chunks));
        for (size_t i = 0; i < host.size(); i++) {
            const auto first = int64_t(i) * 4;
            host[i] = {word(first), word(first + 1), word(first + 2), word(first + 3)};
        }
        require(cudaMemcpy(memory.get(), host.data(), host.size() * 16, cudaMemcpyHostToDevice), "copying to the device");
    }

    static void check_sums(const std::vector<uint32_t>& sums, unsigned blocks, int64_t chunks, int passes) {
        for (unsigned thread = 0; thread < blocks * memory_threads; thread += 331) {
            uint32_t expected = 0;
            for (int pass = 0; pass < passes; pass++)
                for (int64_t first = int64_t(thread / memory_threads) * chunks_per_step + thread % memory_threads; first < chunks; first += blocks * chunks_per_step) {
                    for (int i = 0; i < loads_in_flight; i++)
                        for (int j = 0; j < 4; j++) expected ^= word((first + i * memory_threads) * 4 + j);
                    expected = expected << 1 | expected >> 31;
                }
            require(sums[thread] == expected, "a read missed bytes");
        }
    }

    cudaError_t repeated(const std::function<cudaError_t()>& work) const {
        for (int i = 0; i < sizes_.launches; i++)
            if (const cudaError_t error = work()) return error;
        return cudaSuccess;
    }

    cudaGraphExec_t captured(const std::function<cudaError_t()>& work) const {
        cudaGraph_t graph{};
        cudaGraphExec_t executable{};
        require(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "starting a capture");
        require(work(), "capturing");
        require(cudaStreamEndCapture(stream_, &graph), "ending a capture");
        require(cudaGraphInstantiate(&executable, graph, 0), "making a graph replayable");
        require(cudaGraphDestroy(graph), "destroying a graph");
        return executable;
    }

    // Seconds of the fastest of several tries, after one that warms up.
    double best(const std::function<cudaError_t()>& work) const {
        double least = 1e30;
        for (int i = 0; i <= sizes_.tries; i++) {
            require(cudaEventRecord(start_, stream_), "recording an event");
            require(work(), "launching");
            require(cudaEventRecord(end_, stream_), "recording an event");
            require(cudaEventSynchronize(end_), "running");
            float milliseconds = 0;
            require(cudaEventElapsedTime(&milliseconds, start_, end_), "measuring");
            if (i > 0) least = std::min(least, double(milliseconds) / 1e3);
        }
        return std::max(least, 1e-9);
    }

    static void print(const char* name, double value) { std::printf(",\n  \"%s\": %.6g", name, value); }

    Sizes sizes_;
    unsigned multiprocessors_;
    cudaStream_t stream_{};
    cudaEvent_t start_{}, end_{};
};

}  // namespace

int main(int count, char** arguments) {
    const bool is_tiny = count == 2 && std::strcmp(arguments[1], "--tiny") == 0;
    if (count > 1 && !is_tiny) {
        std::fprintf(stderr, "Usage: lsk_ceilings [--tiny]\n");
        return 2;
    }
    const Sizes& sizes = is_tiny ? tiny : full;
    cudaDeviceProp properties{};
    require(cudaGetDeviceProperties(&properties, 0), "asking for the device");
    std::printf("{\n  \"device\": \"%s\",\n  \"tiny\": %s", properties.name, is_tiny ? "true" : "false");
    Bench bench(sizes, properties.multiProcessorCount);
    bench.copy_rate();
    bench.read_rates();
    bench.matrix_rate();
    bench.exponential_rate();
    bench.launch_costs();
    std::printf("\n}\n");
}
