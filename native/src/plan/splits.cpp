#include "plan/splits.h"

#include <algorithm>

namespace lsk {

namespace {
// The longest first piece of at most `most` steps that leaves a rest which cuts into pieces of the least to `capacity` steps each; 0 if there is none.
int64_t longest_cut(int64_t steps, int64_t most, int64_t capacity, int64_t least) {
    const int64_t rest = steps - std::min(most, steps - least), pieces = (rest + capacity - 1) / capacity;
    const int64_t cut = steps - std::max(rest, pieces * least);
    return cut >= least ? cut : 0;
}

// Fills blocks in turn with at most `capacity` steps each; calls place(tile, first step, steps) and close() when a block is full. Returns the blocks used,
// or -1 where a tile has no cuts that fit.
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
        for (;;) {
            const int64_t rest = tile_steps[tile] - begin;
            if (used > 0 && rule.fixed_steps + rest <= room) {
                place(tile, begin, rest);
                room -= rule.fixed_steps + rest;
                break;
            }
            const int64_t cut = longest_cut(rest, room - rule.fixed_steps, capacity - rule.fixed_steps, rule.least_steps);
            if (cut > 0) {
                place(tile, begin, cut);
                begin += cut;
            } else if (used > 0 && room == capacity) {
                return -1;
            }
            open();
        }
    }
    if (used > 0) close();
    return used;
}

// Pieces of a tile that have a block each follow each other: their cuts move until none is more than a step longer than another.
void even_out(Schedule& schedule, const SplitRule& rule) {
    const auto alone = [&](int block) { return schedule.block_pieces[block + 1] - schedule.block_pieces[block] == 1; };
    for (int first = 0, next; first < schedule.blocks(); first = next) {
        Piece* const pieces = schedule.pieces.data() + schedule.block_pieces[first];
        next = first + 1;
        if (!alone(first)) continue;
        while (next < schedule.blocks() && alone(next) && pieces[next - first].tile == pieces[0].tile) next++;
        const int64_t count = next - first, begin = pieces[0].begin, end = pieces[count - 1].end, steps = (end - begin + rule.step_tokens - 1) / rule.step_tokens;
        for (int64_t i = 1; i < count; i++) pieces[i - 1].end = pieces[i].begin = begin + steps * i / count * rule.step_tokens;
    }
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
        if (used >= 0 && used <= rule.blocks)
            enough = capacity;
        else
            least = capacity + 1;
    }

    fill(
        steps, rule, enough,
        [&](size_t tile, int64_t first, int64_t count) {
            const int64_t begin = first * rule.step_tokens, end = std::min((first + count) * rule.step_tokens, tile_tokens[tile]);
            const int32_t split = first == 0 ? 0 : schedule.pieces.back().split + 1;
            schedule.pieces.push_back({static_cast<int32_t>(tile), begin, end, split, 0});
        },
        [&] { schedule.block_pieces.push_back(static_cast<int32_t>(schedule.pieces.size())); });
    even_out(schedule, rule);
    for (int block = 0; block < schedule.blocks(); block++) {
        int64_t cost = 0;
        for (int32_t i = schedule.block_pieces[block]; i < schedule.block_pieces[block + 1]; i++)
            cost += rule.fixed_steps + (schedule.pieces[i].end - schedule.pieces[i].begin + rule.step_tokens - 1) / rule.step_tokens;
        schedule.largest_cost = std::max(schedule.largest_cost, cost);
        schedule.total_cost += cost;
    }
    int32_t splits = 0;
    for (size_t i = schedule.pieces.size(); i-- > 0;) {
        Piece& piece = schedule.pieces[i];
        if (i + 1 == schedule.pieces.size() || schedule.pieces[i + 1].tile != piece.tile) splits = piece.split + 1;
        piece.splits = splits;
    }
    return schedule;
}

}  // namespace lsk
