#include "plan/splits.h"

#include <algorithm>

namespace lsk {

namespace {
// Fills blocks in turn with at most `capacity` steps each; calls place(tile, first step, steps) and close() when a block is full. Returns the blocks used.
template <class Place, class Close>
int fill(const std::vector<int64_t>& tile_steps, const SplitRule& rule, int64_t capacity, Place place, Close close) {
    int used = 0;
    int64_t room = 0;
    const auto open = [&] {
        if (used > 0) close();
        used++;
        room = capacity;
    };
    for (size_t tile = 0; tile < tile_steps.size(); tile++) {
        int64_t begin = 0;
        const int64_t steps = tile_steps[tile];
        for (;;) {
            const int64_t rest = steps - begin;
            if (used > 0 && rule.fixed_steps + rest <= room) {
                place(tile, begin, rest);
                room -= rule.fixed_steps + rest;
                break;
            }
            const int64_t take = std::min(room - rule.fixed_steps, rest - rule.least_steps);
            if (used == 0 || take < rule.least_steps) {
                if (used > 0 && room == capacity) {  // too short to be cut: a block of its own
                    place(tile, begin, rest);
                    room = 0;
                    break;
                }
                open();
                continue;
            }
            place(tile, begin, take);
            begin += take;
            open();
        }
    }
    if (used > 0) close();
    return used;
}
}  // namespace

Schedule split_evenly(const std::vector<int64_t>& tile_tokens, const SplitRule& rule) {
    Schedule schedule;
    schedule.block_pieces.push_back(0);
    if (tile_tokens.empty()) return schedule;
    std::vector<int64_t> steps(tile_tokens.size());
    int64_t total = 0;
    for (size_t i = 0; i < steps.size(); i++) {
        steps[i] = (tile_tokens[i] + rule.step_tokens - 1) / rule.step_tokens;
        total += steps[i] + rule.fixed_steps;
    }
    int64_t least = std::max(total / rule.blocks, rule.fixed_steps + rule.least_steps), enough = std::max(total, least);
    while (least < enough) {
        const int64_t capacity = least + (enough - least) / 2;
        const int used = fill(steps, rule, capacity, [](size_t, int64_t, int64_t) {}, [] {});
        if (used <= rule.blocks)
            enough = capacity;
        else
            least = capacity + 1;
    }

    int64_t block_cost = 0;
    fill(
        steps, rule, enough,
        [&](size_t tile, int64_t first, int64_t count) {
            const int64_t begin = first * rule.step_tokens, end = std::min((first + count) * rule.step_tokens, tile_tokens[tile]);
            const int32_t split = first == 0 ? 0 : schedule.pieces.back().split + 1;
            schedule.pieces.push_back({static_cast<int32_t>(tile), begin, end, split, 0});
            block_cost += rule.fixed_steps + count;
        },
        [&] {
            schedule.block_pieces.push_back(static_cast<int32_t>(schedule.pieces.size()));
            schedule.largest_cost = std::max(schedule.largest_cost, block_cost);
            schedule.total_cost += block_cost;
            block_cost = 0;
        });
    int32_t splits = 0;
    for (size_t i = schedule.pieces.size(); i-- > 0;) {
        Piece& piece = schedule.pieces[i];
        if (i + 1 == schedule.pieces.size() || schedule.pieces[i + 1].tile != piece.tile) splits = piece.split + 1;
        piece.splits = splits;
    }
    return schedule;
}

}  // namespace lsk
