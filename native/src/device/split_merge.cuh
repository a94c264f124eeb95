// Sums the partial results of the blocks of one unit of work in the same launch, always in the same order: no float atomics, the same bits every run.
// Two levels, so that no block reads more than about twice the square root of their number.
#pragma once
#include "device/last_arriver.cuh"

namespace lsk {

// Where the parts of a unit lie: slots of [vectors][threads] float4, so that every access is 16 bytes a lane, side by side.
struct SplitMerge {
    float4* partials;     // the unit's first slot
    int64_t slot_stride;  // float4s from one split to the next
    unsigned* tickets;    // one per group, then that of the groups
    int split;
    int splits;
    int group_size;
};

template <int Vectors>
LSK_DEVICE void store_partial(float4* slot, const float (&values)[Vectors][4]) {
    LSK_UNROLL for (int i = 0; i < Vectors; i++)
        slot[i * int(blockDim.x) + int(threadIdx.x)] = make_float4(values[i][0], values[i][1], values[i][2], values[i][3]);
}

// The sum of slots [first, last) in their order. Many vectors take a pass over the slots for every 8: loads in flight cost registers.
template <int Vectors>
LSK_DEVICE void sum_partials(float (&values)[Vectors][4], const SplitMerge& merge, int first, int last, int step) {
    constexpr int most = Vectors >= 32 ? 8 : Vectors;
    LSK_UNROLL for (int start = 0; start < Vectors; start += most) {
        LSK_UNROLL for (int i = start; i < Vectors && i < start + most; i++)
            LSK_UNROLL for (int j = 0; j < 4; j++) values[i][j] = 0.0f;
        for (int split = first; split < last; split += step) {
            const float4* slot = merge.partials + split * merge.slot_stride;
            LSK_UNROLL for (int i = start; i < Vectors && i < start + most; i++) {
                const float4 part = slot[i * int(blockDim.x) + int(threadIdx.x)];
                values[i][0] += part.x;
                values[i][1] += part.y;
                values[i][2] += part.z;
                values[i][3] += part.w;
            }
        }
    }
}

// Replaces a block's values by their sum over the unit's splits, thread by thread. True in the one block that has it.
template <int Vectors>
LSK_DEVICE bool merge_splits(float (&values)[Vectors][4], const SplitMerge& merge) {
    if (merge.splits == 1) return true;
    const int groups = (merge.splits + merge.group_size - 1) / merge.group_size, group = merge.split / merge.group_size;
    const int first = group * merge.group_size, last = min(merge.splits, first + merge.group_size);
    store_partial(merge.partials + merge.split * merge.slot_stride, values);
    if (!arrives_last(merge.tickets + group, static_cast<unsigned>(last - first))) return false;
    sum_partials(values, merge, first, last, 1);
    store_partial(merge.partials + first * merge.slot_stride, values);
    if (!arrives_last(merge.tickets + groups, static_cast<unsigned>(groups))) return false;
    sum_partials(values, merge, 0, merge.splits, merge.group_size);
    return true;
}

}  // namespace lsk
