// cuBLASLt, loaded at run time where the machine has it and never linked: the library runs without. Only what matrix products need.
#pragma once
#include <cuda_runtime.h>
#include <cstdint>
#include <memory>
#include <string>
#include "kernels/linear/linear.h"

namespace lsk {

// The entry points, as cublasLt.h of CUDA 12 and 13 declares them. Descriptors are opaque; statuses are 0 for success.
struct CublasltFunctions {
    using Handle = void*;
    using Descriptor = void*;
    struct Algorithm {
        uint64_t data[8];
    };
    struct Heuristic {
        Algorithm algorithm;
        size_t workspace_bytes;
        int status;
        float waves;
        int reserved[4];
    };

    size_t (*version)();
    int (*create)(Handle*);
    int (*destroy)(Handle);
    int (*product_create)(Descriptor*, int compute_type, int scale_type);
    int (*product_set)(Descriptor, int attribute, const void* value, size_t bytes);
    int (*product_destroy)(Descriptor);
    int (*layout_create)(Descriptor*, int type, uint64_t rows, uint64_t columns, int64_t leading);
    int (*layout_destroy)(Descriptor);
    int (*preference_create)(Descriptor*);
    int (*preference_set)(Descriptor, int attribute, const void* value, size_t bytes);
    int (*preference_destroy)(Descriptor);
    int (*heuristic)(Handle, Descriptor product, Descriptor a, Descriptor b, Descriptor c, Descriptor d, Descriptor preference, int wanted, Heuristic*, int* found);
    int (*multiply)(Handle, Descriptor product, const void* alpha, const void* a, Descriptor a_layout, const void* b, Descriptor b_layout, const void* beta, const void* c,
                    Descriptor c_layout, void* d, Descriptor d_layout, const Algorithm*, void* workspace, size_t workspace_bytes, cudaStream_t);
};

// The library and its handle on one device.
class Cublaslt {
public:
    // LSK_CUBLASLT: "off" forbids it, anything else is the file to load; by default the loader's libcublasLt.so.12 or .13, which an emulated device has not.
    // Without a library that works returns null, and says in `why_not` which was missing what. The device is current.
    static std::shared_ptr<const Cublaslt> load(std::string& why_not);
    ~Cublaslt();
    Cublaslt(const Cublaslt&) = delete;
    Cublaslt& operator=(const Cublaslt&) = delete;

    const CublasltFunctions& functions() const { return functions_; }
    CublasltFunctions::Handle handle() const { return handle_; }
    std::string version() const;

private:
    Cublaslt() = default;
    CublasltFunctions functions_{};
    void* library_ = nullptr;
    CublasltFunctions::Handle handle_ = nullptr;
};

// A product of fixed sizes with an algorithm that is chosen once: the same bits every run. Accumulates in fp32; fp32 factors are not rounded.
class CublasltProduct {
public:
    // Tensors as in ProductParams, all 16-byte aligned, without bias; `output_dtype` is dtype or fp32. Null where cuBLASLt has no algorithm, and why.
    static std::shared_ptr<const CublasltProduct> plan(std::shared_ptr<const Cublaslt> library, Product product, int rows, int columns, int depth, int dtype, int output_dtype,
                                                       std::string& why_not);
    ~CublasltProduct();
    CublasltProduct(const CublasltProduct&) = delete;
    CublasltProduct& operator=(const CublasltProduct&) = delete;

    // output (+)= the product. Returns cuBLASLt's status.
    int run(const void* left, const void* right, void* output, bool add, void* workspace, cudaStream_t stream) const;

    bool has_sizes(int rows, int columns, int depth) const { return rows == rows_ && columns == columns_ && depth == depth_; }
    int64_t workspace_bytes() const { return static_cast<int64_t>(workspace_bytes_); }
    std::string explain() const;

private:
    CublasltProduct() = default;
    std::shared_ptr<const Cublaslt> library_;
    CublasltFunctions::Descriptor product_ = nullptr, right_ = nullptr, left_ = nullptr, output_ = nullptr;
    CublasltFunctions::Algorithm algorithm_{};
    size_t workspace_bytes_ = 0;
    int rows_ = 0, columns_ = 0, depth_ = 0;
};

}  // namespace lsk
