// Tensor maps and the bulk tensor copies (TMA) that use them.
#include <algorithm>
#include "cuda.h"
#include "state.h"

namespace emu {

namespace {

struct TensorMap {
    uint64_t magic;
    void* base;
    uint32_t rank;
    uint32_t element;                          // bytes
    uint32_t swizzle;                          // address bits that are exchanged: 32B 1, 64B 2, 128B 3
    uint32_t reserved;
    uint32_t extents[5];
    uint32_t box[5];
    uint64_t strides[5];
};
static_assert(sizeof(TensorMap) <= sizeof(CUtensorMap));

const uint64_t map_magic = 0x7e501aab5eedull;

TensorMap decode(const void* tensor_map, int rank) {
    TensorMap map;
    memcpy(&map, tensor_map, sizeof map);
    if (map.magic != map_magic) fault("TMA: not an encoded tensor map");
    if (reinterpret_cast<uintptr_t>(tensor_map) % 64) fault("TMA: tensor map is not 64-byte aligned");
    if (int(map.rank) != rank) fault("TMA: %d-d copy with a %u-d tensor map", rank, map.rank);
    return map;
}

uint32_t box_bytes(const TensorMap& map) {
    uint32_t bytes = map.element;
    for (uint32_t i = 0; i < map.rank; i++) bytes *= map.box[i];
    return bytes;
}

struct Box {
    TensorMap map;
    int at[5] = {};
    uint32_t shared = 0;

    // Calls visit(shared address, global address or nullptr outside the tensor) for every element of the box.
    template <class F>
    void for_elements(F visit) const {
        const uint32_t count = box_bytes(map) / map.element;
        for (uint32_t e = 0; e < count; e++) {
            uint32_t rest = e;
            char* global = static_cast<char*>(map.base);
            bool inside = true;
            for (uint32_t i = 0; i < map.rank; i++) {
                const int64_t x = int64_t(at[i]) + rest % map.box[i];
                rest /= map.box[i];
                inside &= x >= 0 && x < int64_t(map.extents[i]);
                global += x * int64_t(i ? map.strides[i] : map.element);
            }
            uint32_t address = shared + e * map.element;
            address ^= (address >> 7 & ((1u << map.swizzle) - 1)) << 4;
            visit(address, inside ? global : nullptr);
        }
    }
};

}  // namespace

void tensor_load(uint32_t to, const void* tensor_map, uint32_t barrier_address, const int* coordinates, int rank) {
    Block& owner = *block;
    const void* where = EMU_CALLER;
    Box box{decode(tensor_map, rank)};
    std::copy(coordinates, coordinates + rank, box.at);
    box.shared = to;
    if (to % 128) fault("TMA: shared address 0x%x is not 128-byte aligned", to);
    MBarrier& barrier = find_fenced(owner, barrier_address, "TMA");
    const uint32_t bytes = box_bytes(box.map);
    char* target = owner.shared(to, bytes, "TMA");
    race_copy_issued(*self, owner, to, bytes, where);
    memset(target, 0xff, bytes);
    owner.cluster->totals.bulk_copies++;
    AsyncCopy copy;
    copy.land = [&owner, &barrier, box, to, bytes, where] {
        uint32_t moved = 0;
        box.for_elements([&](uint32_t address, const char* global) {
            if (global) {
                memcpy(owner.arena + address, global, box.map.element);
                moved += box.map.element;
            } else {
                memset(owner.arena + address, 0, box.map.element);
            }
        });
        owner.cluster->totals.bulk_bytes += moved;
        race_bulk_landed(barrier, owner, to, bytes, where);
        complete_transactions(barrier, bytes);
    };
    owner.cluster->copies.push_back(std::move(copy));
}

}  // namespace emu

extern "C" CUresult cuTensorMapEncodeTiled(CUtensorMap* out, CUtensorMapDataType type, cuuint32_t rank, void* address, const cuuint64_t* extents,
                                           const cuuint64_t* strides, const cuuint32_t* box, const cuuint32_t* element_strides,
                                           CUtensorMapInterleave, CUtensorMapSwizzle swizzle, CUtensorMapL2promotion, CUtensorMapFloatOOBfill) {
    emu::TensorMap map{};
    map.magic = emu::map_magic;
    map.base = address;
    map.rank = rank;
    map.swizzle = swizzle;
    map.element = type == CU_TENSOR_MAP_DATA_TYPE_UINT8 ? 1 : type == CU_TENSOR_MAP_DATA_TYPE_FLOAT32 || type == CU_TENSOR_MAP_DATA_TYPE_INT32 ? 4 : 2;
    if (rank < 1 || rank > 5 || reinterpret_cast<uintptr_t>(address) % 16 || reinterpret_cast<uintptr_t>(out) % 64) return CUDA_ERROR_INVALID_VALUE;
    for (unsigned i = 0; i < rank; i++) {
        if (!extents[i] || extents[i] > 1ull << 32 || !box[i] || box[i] > 256 || element_strides[i] != 1) return CUDA_ERROR_INVALID_VALUE;
        if (i && (strides[i - 1] % 16 || strides[i - 1] >= 1ull << 40)) return CUDA_ERROR_INVALID_VALUE;
        map.extents[i] = uint32_t(extents[i]);
        map.box[i] = box[i];
        map.strides[i] = i ? strides[i - 1] : map.element;
    }
    const uint32_t inner = box[0] * map.element;
    const uint32_t widest[] = {~0u, 32, 64, 128};
    if (inner % 16 || inner > widest[swizzle]) return CUDA_ERROR_INVALID_VALUE;
    memcpy(out, &map, sizeof map);
    return CUDA_SUCCESS;
}
