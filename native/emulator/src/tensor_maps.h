// Tensor maps: what cuTensorMapEncodeTiled encodes and bulk tensor copies decode.
#pragma once
#include <cstdint>
#include <functional>

namespace emu {

struct TensorMap {
    uint64_t magic;
    char* base;
    uint32_t rank;
    uint32_t element;                          // bytes
    uint32_t swizzle;                          // 16-byte address bits that are exchanged: 32B 1, 64B 2, 128B 3
    uint32_t box[5];                           // elements
    uint64_t extents[5];                       // elements
    uint64_t strides[5];                       // bytes
};

struct Box {                                   // of a tensor map, at coordinates
    TensorMap map;
    int at[5] = {};

    uint32_t bytes() const;
    // Visits the box in pieces of 16 bytes or less. `shared` is the piece's address in a tile at `tile`; `global` is nullptr where the piece lies
    // outside the tensor: such elements are zeros when loaded and not touched when stored.
    void for_pieces(uint32_t tile, const std::function<void(uint32_t shared, char* global, uint32_t bytes)>& visit) const;
};

Box decode_box(const void* tensor_map, const int* coordinates, int rank);

}  // namespace emu
