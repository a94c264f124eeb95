// Encodes tensor maps with the driver's argument checks, decodes them with the copy's, and walks boxes.
#include "tensor_maps.h"
#include <algorithm>
#include "cuda.h"
#include "state.h"

namespace emu {

static_assert(sizeof(TensorMap) <= sizeof(CUtensorMap));
static const uint64_t map_magic = 0x7e501aab5eedull;

Box decode_box(const void* tensor_map, const int* coordinates, int rank) {
    Box box;
    memcpy(&box.map, tensor_map, sizeof box.map);
    if (box.map.magic != map_magic) fault("TMA: not an encoded tensor map");
    if (reinterpret_cast<uintptr_t>(tensor_map) % 64) fault("TMA: tensor map is not 64-byte aligned");
    if (int(box.map.rank) != rank) fault("TMA: %d-d copy with a %u-d tensor map", rank, box.map.rank);
    std::copy(coordinates, coordinates + rank, box.at);
    return box;
}

uint32_t Box::bytes() const {
    uint32_t total = map.element;
    for (uint32_t i = 0; i < map.rank; i++) total *= map.box[i];
    return total;
}

void Box::for_pieces(uint32_t tile, const std::function<void(uint32_t, char*, uint32_t)>& visit) const {
    const uint32_t row_bytes = map.box[0] * map.element;
    const uint32_t rows = bytes() / row_bytes;
    const int64_t first = int64_t(at[0]);
    const int64_t end = int64_t(map.extents[0]);
    const bool whole = first >= 0 && first + int64_t(map.box[0]) <= end;
    const uint32_t step = whole ? 16 : map.element;
    for (uint32_t row = 0; row < rows; row++) {
        uint32_t rest = row;
        char* global = map.base;
        bool inside = true;
        for (uint32_t i = 1; i < map.rank; i++) {
            const int64_t x = int64_t(at[i]) + rest % map.box[i];
            rest /= map.box[i];
            inside &= x >= 0 && x < int64_t(map.extents[i]);
            global += x * int64_t(map.strides[i]);
        }
        for (uint32_t byte = 0; byte < row_bytes; byte += step) {
            const int64_t column = first + byte / map.element;
            uint32_t shared = tile + row * row_bytes + byte;
            shared ^= (shared >> 7 & ((1u << map.swizzle) - 1)) << 4;
            const bool here = inside && (whole || (column >= 0 && column < end));
            visit(shared, here ? global + column * int64_t(map.element) : nullptr, step);
        }
    }
}

}  // namespace emu

static uint32_t element_bytes(CUtensorMapDataType type) {
    switch (type) {
    case CU_TENSOR_MAP_DATA_TYPE_UINT8:
        return 1;
    case CU_TENSOR_MAP_DATA_TYPE_FLOAT16:
    case CU_TENSOR_MAP_DATA_TYPE_BFLOAT16:
        return 2;
    default:
        return 4;
    }
}

extern "C" CUresult cuTensorMapEncodeTiled(CUtensorMap* out, CUtensorMapDataType type, cuuint32_t rank, void* address, const cuuint64_t* extents,
                                           const cuuint64_t* strides, const cuuint32_t* box, const cuuint32_t* element_strides,
                                           CUtensorMapInterleave, CUtensorMapSwizzle swizzle, CUtensorMapL2promotion, CUtensorMapFloatOOBfill) {
    if (rank < 1 || rank > 5 || reinterpret_cast<uintptr_t>(address) % 16 || reinterpret_cast<uintptr_t>(out) % 64) return CUDA_ERROR_INVALID_VALUE;
    emu::TensorMap map{};
    map.magic = emu::map_magic;
    map.base = static_cast<char*>(address);
    map.rank = rank;
    map.swizzle = swizzle;
    map.element = element_bytes(type);
    for (unsigned i = 0; i < rank; i++) {
        if (!extents[i] || extents[i] > 1ull << 32 || !box[i] || box[i] > 256 || element_strides[i] != 1) return CUDA_ERROR_INVALID_VALUE;
        if (i && (strides[i - 1] % 16 || strides[i - 1] >= 1ull << 40)) return CUDA_ERROR_INVALID_VALUE;
        map.extents[i] = extents[i];
        map.box[i] = box[i];
        map.strides[i] = i ? strides[i - 1] : map.element;
    }
    const uint32_t inner = box[0] * map.element;
    const uint32_t widest[] = {~0u, 32, 64, 128};
    if (inner % 16 || inner > widest[swizzle]) return CUDA_ERROR_INVALID_VALUE;
    memcpy(out, &map, sizeof map);
    return CUDA_SUCCESS;
}
