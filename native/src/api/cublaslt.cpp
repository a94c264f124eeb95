#include "api/cublaslt.h"

#include <dlfcn.h>
#include <cstdlib>
#include <cstring>
#include <vector>
#include "longseqkernels/lsk.h"
#if __has_include(<cublasLt.h>)
#include <cublasLt.h>
#endif

namespace lsk {

namespace {
// Values of cublasLt.h, which a build without the toolkit does not have.
constexpr int compute_fp32 = 68, compute_fp32_pedantic = 69;
constexpr int type_fp32 = 0, type_fp16 = 2, type_bf16 = 14;
constexpr int attribute_transpose_a = 3, attribute_transpose_b = 4;
constexpr int preference_workspace = 1, preference_reductions = 3, preference_alignment_a = 5, preference_alignment_d = 8;
constexpr int32_t transposed = 1;
// Splits of the depth are summed in fp32 in a fixed order, or there are none. The others add in the type of the output.
constexpr uint32_t reductions = 2;
#if __has_include(<cublasLt.h>)
static_assert(compute_fp32 == CUBLAS_COMPUTE_32F && compute_fp32_pedantic == CUBLAS_COMPUTE_32F_PEDANTIC);
static_assert(type_fp32 == CUDA_R_32F && type_fp16 == CUDA_R_16F && type_bf16 == CUDA_R_16BF);
static_assert(attribute_transpose_a == CUBLASLT_MATMUL_DESC_TRANSA && attribute_transpose_b == CUBLASLT_MATMUL_DESC_TRANSB && transposed == CUBLAS_OP_T);
static_assert(preference_workspace == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES && preference_reductions == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK);
static_assert(preference_alignment_a == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES && preference_alignment_d == CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES);
static_assert(reductions == CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE);
static_assert(sizeof(CublasltFunctions::Algorithm) == sizeof(cublasLtMatmulAlgo_t) && sizeof(CublasltFunctions::Heuristic) == sizeof(cublasLtMatmulHeuristicResult_t));
static_assert(offsetof(CublasltFunctions::Heuristic, status) == offsetof(cublasLtMatmulHeuristicResult_t, state));
#endif

constexpr uint64_t most_workspace_bytes = uint64_t(32) << 20;  // what its makers recommend for Hopper
constexpr uint32_t alignment_bytes = 16;
constexpr size_t oldest_major = 12, newest_major = 13;  // whose declarations these are

std::string text_of(size_t version) {
    return std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." + std::to_string(version % 100);
}

std::vector<std::string> files(std::string& why_not) {
    const char* const chosen = std::getenv("LSK_CUBLASLT");
    if (chosen && std::strcmp(chosen, "off") == 0) {
        why_not = "cuBLASLt is forbidden by LSK_CUBLASLT=off";
        return {};
    }
    if (chosen && *chosen) return {chosen};
    if (std::strcmp(LSK_BUILD_TARGET, "cuda") != 0) {
        why_not = "an emulated device has no cuBLASLt";
        return {};
    }
    return {"libcublasLt.so.12", "libcublasLt.so.13"};
}

int type_of(int dtype) { return dtype == LSK_FLOAT32 ? type_fp32 : dtype == LSK_BFLOAT16 ? type_bf16 : type_fp16; }
}  // namespace

std::shared_ptr<const Cublaslt> Cublaslt::load(std::string& why_not) {
    const std::shared_ptr<Cublaslt> loaded(new Cublaslt);
    for (const std::string& file : files(why_not)) {
        loaded->library_ = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (loaded->library_) break;
        why_not += (why_not.empty() ? "cuBLASLt not found: " : "; ") + std::string(dlerror());
    }
    if (!loaded->library_) return nullptr;
    why_not.clear();

    CublasltFunctions& f = loaded->functions_;
    const auto find = [&](const char* name, auto& function) {
        void* const symbol = dlsym(loaded->library_, name);
        if (!symbol && why_not.empty()) why_not = std::string("cuBLASLt lacks ") + name;
        function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(symbol);
    };
    find("cublasLtGetVersion", f.version);
    find("cublasLtCreate", f.create);
    find("cublasLtDestroy", f.destroy);
    find("cublasLtMatmulDescCreate", f.product_create);
    find("cublasLtMatmulDescSetAttribute", f.product_set);
    find("cublasLtMatmulDescDestroy", f.product_destroy);
    find("cublasLtMatrixLayoutCreate", f.layout_create);
    find("cublasLtMatrixLayoutDestroy", f.layout_destroy);
    find("cublasLtMatmulPreferenceCreate", f.preference_create);
    find("cublasLtMatmulPreferenceSetAttribute", f.preference_set);
    find("cublasLtMatmulPreferenceDestroy", f.preference_destroy);
    find("cublasLtMatmulAlgoGetHeuristic", f.heuristic);
    find("cublasLtMatmul", f.multiply);
    if (!why_not.empty()) return nullptr;
    if (const size_t major = f.version() / 10000; major < oldest_major || major > newest_major) {
        why_not = "cuBLASLt " + text_of(f.version()) + " is not of version 12 or 13";
        return nullptr;
    }
    if (const int status = f.create(&loaded->handle_)) {
        loaded->handle_ = nullptr;
        why_not = "cuBLASLt " + text_of(f.version()) + " did not start: status " + std::to_string(status);
        return nullptr;
    }
    return loaded;
}

Cublaslt::~Cublaslt() {
    if (handle_) functions_.destroy(handle_);
    if (library_) dlclose(library_);
}

std::string Cublaslt::version() const { return text_of(functions_.version()); }

// cuBLASLt counts columns first: it is given the transposed product, output^T = right^T left^T, over the same memory.
std::shared_ptr<const CublasltProduct> CublasltProduct::plan(std::shared_ptr<const Cublaslt> library, Product product, int rows, int columns, int depth, int dtype,
                                                             int output_dtype, std::string& why_not) {
    const std::shared_ptr<CublasltProduct> made(new CublasltProduct);
    made->library_ = std::move(library);
    made->rows_ = rows, made->columns_ = columns, made->depth_ = depth;
    const CublasltFunctions& f = made->library_->functions();
    const bool right_transposed = product == Product::input_gradient, left_transposed = product == Product::weight_gradient;
    const auto layout = [&](CublasltFunctions::Descriptor& to, int type, int first, int second) {
        return f.layout_create(&to, type_of(type), static_cast<uint64_t>(first), static_cast<uint64_t>(second), first);
    };
    CublasltFunctions::Descriptor preference = nullptr;
    CublasltFunctions::Heuristic best{};
    int found = 0;
    const int status = [&] {
        if (const int failed = f.product_create(&made->product_, dtype == LSK_FLOAT32 ? compute_fp32_pedantic : compute_fp32, type_fp32)) return failed;
        if (const int failed = right_transposed ? f.product_set(made->product_, attribute_transpose_a, &transposed, sizeof transposed) : 0) return failed;
        if (const int failed = left_transposed ? f.product_set(made->product_, attribute_transpose_b, &transposed, sizeof transposed) : 0) return failed;
        if (const int failed = layout(made->right_, dtype, right_transposed ? depth : columns, right_transposed ? columns : depth)) return failed;
        if (const int failed = layout(made->left_, dtype, left_transposed ? rows : depth, left_transposed ? depth : rows)) return failed;
        if (const int failed = layout(made->output_, output_dtype, columns, rows)) return failed;
        if (const int failed = f.preference_create(&preference)) return failed;
        if (const int failed = f.preference_set(preference, preference_workspace, &most_workspace_bytes, sizeof most_workspace_bytes)) return failed;
        if (const int failed = f.preference_set(preference, preference_reductions, &reductions, sizeof reductions)) return failed;
        for (int tensor = preference_alignment_a; tensor <= preference_alignment_d; tensor++)
            if (const int failed = f.preference_set(preference, tensor, &alignment_bytes, sizeof alignment_bytes)) return failed;
        return f.heuristic(made->library_->handle(), made->product_, made->right_, made->left_, made->output_, made->output_, preference, 1, &best, &found);
    }();
    if (preference) f.preference_destroy(preference);
    if (status || found == 0 || best.status) {
        why_not = "cuBLASLt " + made->library_->version() + " has no algorithm" + (status || best.status ? ": status " + std::to_string(status ? status : best.status) : "");
        return nullptr;
    }
    made->algorithm_ = best.algorithm;
    made->workspace_bytes_ = best.workspace_bytes;
    return made;
}

CublasltProduct::~CublasltProduct() {
    const CublasltFunctions& f = library_->functions();
    for (const CublasltFunctions::Descriptor each : {right_, left_, output_})
        if (each) f.layout_destroy(each);
    if (product_) f.product_destroy(product_);
}

int CublasltProduct::run(const void* left, const void* right, void* output, bool add, void* workspace, cudaStream_t stream) const {
    const float one = 1.0f, kept = add ? 1.0f : 0.0f;
    return library_->functions().multiply(library_->handle(), product_, &one, right, right_, left, left_, &kept, output, output_, output, output_, &algorithm_,
                                          workspace_bytes_ > 0 ? workspace : nullptr, workspace_bytes_, stream);
}

std::string CublasltProduct::explain() const { return "cuBLASLt " + library_->version() + ", " + std::to_string(workspace_bytes_) + " bytes of workspace"; }

}  // namespace lsk
