// Prefix sums by one block: a kernel as anybody writes it, with shared memory and barriers. The same file is compiled by nvcc for a GPU.
#include <cstdio>
#include <vector>
#include "device/platform.cuh"

constexpr int count = 64;

static __global__ void scan(const float* in, float* out, bool careful) {
    LSK_SHARED(bytes);
    float* const sums = reinterpret_cast<float*>(bytes);
    const int i = int(threadIdx.x);
    sums[i] = in[i];
    __syncthreads();
    for (int step = 1; step < count; step *= 2) {
        const float left = i >= step ? sums[i - step] : 0.0f;
        if (careful) __syncthreads();  // all have read before one writes
        sums[i] += left;
        __syncthreads();
    }
    out[i] = sums[i];
}

// Any argument leaves a barrier out.
int main(int arguments, char**) {
    std::vector<float> values(count, 1.0f);
    float *in = nullptr, *out = nullptr;
    cudaMalloc(reinterpret_cast<void**>(&in), count * sizeof(float));
    cudaMalloc(reinterpret_cast<void**>(&out), count * sizeof(float));
    cudaMemcpy(in, values.data(), count * sizeof(float), cudaMemcpyHostToDevice);
    cudaError_t error = lsk::launch("scan", scan, dim3(1), dim3(count), count * sizeof(float), nullptr, in, out, arguments == 1);
    if (!error) error = cudaMemcpy(values.data(), out, count * sizeof(float), cudaMemcpyDeviceToHost);
    if (error) {
        std::printf("%s\n", cudaGetErrorString(error));
        return 1;
    }
    std::printf("the sums of 64 ones: %g, %g, %g ... %g\n", values[0], values[1], values[2], values[count - 1]);
    cudaFree(in);
    cudaFree(out);
}
