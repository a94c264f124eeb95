// Stands in for cuBLASLt in tests: the entry points that the library uses, as naive loops over the emulator's memory, with what NVIDIA's header says of
// their values written down once more. It fails where FAKE_CUBLASLT says so ("create=1 heuristic=15 multiply=14 found=0 version=110300"), and keeps a log.
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#ifdef FAKE_CUBLASLT_WITHOUT_MULTIPLY
#define cublasLtMatmul cublasLtMatmulOfAnotherName
#endif

namespace {
struct Product {
    int compute, scale;
    std::map<int, int32_t> attributes;
};
struct Layout {
    int type;
    uint64_t rows, columns;
    int64_t leading;
};
struct Preference {
    std::map<int, uint64_t> attributes;
};
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
constexpr uint64_t mark = 0x6c73746c61;   // of algorithms that it gave away
constexpr size_t workspace_bytes = 4096;
int objects = 0;

// The log is one string for as long as the library is loaded.
std::string& log() {
    static std::string text;
    return text;
}

int asked(const char* what, int otherwise) {
    const char* text = std::getenv("FAKE_CUBLASLT");
    const char* at = text ? std::strstr(text, what) : nullptr;
    return at ? std::atoi(at + std::strlen(what) + 1) : otherwise;
}

double load(const void* tensor, int64_t index, int type) {
    if (type == 0) return static_cast<const float*>(tensor)[index];
    const uint16_t bits = static_cast<const uint16_t*>(tensor)[index];
    if (type == 14) return std::bit_cast<float>(uint32_t(bits) << 16);
    return static_cast<double>(std::bit_cast<_Float16>(bits));
}

void store(void* tensor, int64_t index, int type, float value) {
    if (type == 0) {
        static_cast<float*>(tensor)[index] = value;
    } else if (type == 14) {
        uint32_t bits = std::bit_cast<uint32_t>(value);
        bits += 0x7fff + (bits >> 16 & 1);
        static_cast<uint16_t*>(tensor)[index] = uint16_t(bits >> 16);
    } else {
        static_cast<uint16_t*>(tensor)[index] = std::bit_cast<uint16_t>(static_cast<_Float16>(value));
    }
}

// Element (row, column) of op(a matrix), row by row.
std::vector<float> matrix(const void* tensor, const Layout& layout, bool transposed) {
    const int64_t rows = int64_t(transposed ? layout.columns : layout.rows), columns = int64_t(transposed ? layout.rows : layout.columns);
    std::vector<float> values(size_t(rows * columns));
    for (int64_t row = 0; row < rows; row++)
        for (int64_t column = 0; column < columns; column++)
            values[size_t(row * columns + column)] = float(load(tensor, transposed ? row * layout.leading + column : column * layout.leading + row, layout.type));
    return values;
}

template <class Object>
int create(void** to, Object object) {
    objects++;
    *to = new Object(object);
    return 0;
}
template <class Object>
int destroy(void* object) {
    objects--;
    delete static_cast<Object*>(object);
    return 0;
}
}  // namespace

extern "C" {
const char* fake_cublaslt_log() { return log().c_str(); }
void fake_cublaslt_forget() { log().clear(); }
int fake_cublaslt_objects() { return objects; }

size_t cublasLtGetVersion() { return size_t(asked("version", 120405)); }
int cublasLtCreate(void** handle) {
    if (const int status = asked("create", 0)) return status;
    return create(handle, int(7));
}
int cublasLtDestroy(void* handle) { return destroy<int>(handle); }
int cublasLtMatmulDescCreate(void** to, int compute, int scale) { return create(to, Product{compute, scale, {}}); }
int cublasLtMatmulDescDestroy(void* product) { return destroy<Product>(product); }
int cublasLtMatmulDescSetAttribute(void* product, int attribute, const void* value, size_t bytes) {
    if (bytes != 4 || (attribute != 3 && attribute != 4)) return 7;
    std::memcpy(&static_cast<Product*>(product)->attributes[attribute], value, 4);
    return 0;
}
int cublasLtMatrixLayoutCreate(void** to, int type, uint64_t rows, uint64_t columns, int64_t leading) {
    if (leading < int64_t(rows)) return 7;
    return create(to, Layout{type, rows, columns, leading});
}
int cublasLtMatrixLayoutDestroy(void* layout) { return destroy<Layout>(layout); }
int cublasLtMatmulPreferenceCreate(void** to) { return create(to, Preference{}); }
int cublasLtMatmulPreferenceDestroy(void* preference) { return destroy<Preference>(preference); }
int cublasLtMatmulPreferenceSetAttribute(void* preference, int attribute, const void* value, size_t bytes) {
    if (bytes != (attribute == 1 ? 8u : 4u)) return 7;
    std::memcpy(&static_cast<Preference*>(preference)->attributes[attribute], value, bytes);
    return 0;
}

int cublasLtMatmulAlgoGetHeuristic(void*, void* product, void* a, void* b, void* c, void* d, void* preference, int wanted, Heuristic* results, int* found) {
    *found = 0;
    if (const int status = asked("heuristic", 0)) return status;
    if (wanted < 1 || c != d) return 7;
    const auto& attributes = static_cast<Preference*>(preference)->attributes;
    // Reductions in fp32 only, every tensor of 16-byte alignment, room for the workspace.
    if (!attributes.count(3) || attributes.at(3) != 2 || !attributes.count(1) || attributes.at(1) < workspace_bytes) return 15;
    for (int tensor = 5; tensor <= 8; tensor++)
        if (!attributes.count(tensor) || attributes.at(tensor) != 16) return 15;
    *found = asked("found", 1);
    const Product& p = *static_cast<Product*>(product);
    results[0] = {{{mark, uint64_t(p.compute), static_cast<Layout*>(a)->rows, static_cast<Layout*>(b)->columns}}, workspace_bytes, 0, 1.0f, {}};
    return 0;
}

int cublasLtMatmul(void*, void* product, const void* alpha, const void* a, void* a_layout, const void* b, void* b_layout, const void* beta, const void* c, void* c_layout, void* d,
                   void* d_layout, const Algorithm* algorithm, void* workspace, size_t bytes, void*) {
    if (const int status = asked("multiply", 0)) return status;
    if (algorithm->data[0] != mark || bytes != workspace_bytes || !workspace || c != d || c_layout != d_layout) return 7;
    for (const void* each : {a, b, c, static_cast<const void*>(workspace)})
        if (reinterpret_cast<uintptr_t>(each) % 16) return 7;
    const Product& p = *static_cast<Product*>(product);
    const Layout& of_output = *static_cast<Layout*>(d_layout);
    const auto transposed = [&](int attribute) { return p.attributes.count(attribute) && p.attributes.at(attribute) == 1; };
    const std::vector<float> left = matrix(a, *static_cast<Layout*>(a_layout), transposed(3)), right = matrix(b, *static_cast<Layout*>(b_layout), !transposed(4));
    const int64_t rows = int64_t(of_output.rows), columns = int64_t(of_output.columns), depth = int64_t(left.size()) / rows;
    if (int64_t(right.size()) != depth * columns) return 7;
    float scale = 0, kept = 0;
    std::memcpy(&scale, alpha, 4), std::memcpy(&kept, beta, 4);
    std::memset(workspace, 0xab, bytes);
    for (int64_t column = 0; column < columns; column++)
        for (int64_t row = 0; row < rows; row++) {
            double sum = 0;
            for (int64_t k = 0; k < depth; k++) sum += double(left[size_t(row * depth + k)]) * right[size_t(column * depth + k)];
            const int64_t at = column * of_output.leading + row;
            store(d, at, of_output.type, float(scale * sum + (kept != 0 ? kept * load(d, at, of_output.type) : 0)));
        }
    log() += "compute " + std::to_string(p.compute) + " output " + std::to_string(of_output.type) + (kept != 0 ? " add" : "") + "\n";
    return 0;
}
}
