// Cutting row tiles of unequal length into spans of equal cost, one for each block of a persistent grid.
#pragma once
#include <cstdint>
#include <vector>

namespace lsk {

struct SplitRule {
    int blocks;          // of the grid
    int64_t step_tokens; // spans are cut at multiples of this
    int64_t fixed_steps; // what a piece costs beside its tokens: loading rows, merging, writing
    int64_t least_steps; // no cut leaves a piece shorter than this
};

// Tokens [begin, end) of a row tile, part `split` of `splits`.
struct Piece {
    int32_t tile;
    int64_t begin, end;
    int32_t split, splits;
};

struct Schedule {
    std::vector<Piece> pieces;           // in the order of tiles and tokens
    std::vector<int32_t> block_pieces;   // [blocks + 1]: block b does pieces [block_pieces[b], block_pieces[b + 1])
    int64_t largest_cost = 0;            // in steps, of a block
    int64_t total_cost = 0;

    int blocks() const { return static_cast<int>(block_pieces.size()) - 1; }
};

// Blocks take contiguous spans of the list of tiles, each as much as the smallest capacity that suits everybody. A tile without tokens is a piece as well.
Schedule split_evenly(const std::vector<int64_t>& tile_tokens, const SplitRule& rule);

}  // namespace lsk
