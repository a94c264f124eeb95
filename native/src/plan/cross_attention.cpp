#include "plan/cross_attention.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <stdexcept>
#include "plan/attention_problem.h"
#include "plan/rates.h"
#include "plan/splits.h"

namespace lsk {

namespace {
constexpr int64_t longest_history = int64_t(1) << 30;  // tokens of a segment, and rows of a problem, are int32 in works

struct Problem {
    int64_t segment;
    int key_value_head;
};

struct Candidate {
    std::string name;
    ForwardLaunch how{};
    int rows = 0;           // of a row tile
    int blocks_per_chip = 0;
    double cycles = 0;      // of the whole batch on one multiprocessor, spread evenly
    std::string rejected;   // why it cannot, "" if it can
};

int padded(const AttentionShape& shape) { return forward::padded_width(shape.head_width); }

// Bytes of one head of one token in memory, with its scale.
double history_bytes(const AttentionShape& shape) {
    return shape.code_bits() == 0 ? double(shape.head_width) * shape.element_bytes() : double(shape.row_bytes()) + (shape.code_bits() < 16 ? 4 : 0);
}

// Arranges a variant: as many token groups as leave each ring enough stages, in a share of a multiprocessor's shared memory.
void arrange(const Chip& chip, const AttentionShape& shape, Candidate& c, ForwardVariant variant, int row_warps, int most_groups, int blocks_per_multiprocessor) {
    c.how = {variant, {row_warps, 1, 2}};
    c.rows = row_warps * forward::row_tiles(variant) * 16;
    if (!forward::has_variant(variant, shape.element_bytes(), padded(shape))) {
        c.rejected = variant == ForwardVariant::wide16 ? "takes more than " + std::to_string(forward::max_width) + " columns of shared history"
                                                       : "its output of " + std::to_string(shape.head_width) + " columns does not fit the registers";
        return;
    }
    const int code_bits = shape.code_bits();
    if (code_bits != 0 && !forward::has_encoded_variant(variant, shape.element_bytes(), padded(shape))) {
        c.rejected = "does not decode codes";
        return;
    }
    const bool shared = shape.form == 1;
    const int64_t whole = chip.shared_memory_per_block + shared_memory_reserve;
    constexpr int wanted_stages = 6;
    for (int residents = blocks_per_multiprocessor; residents >= 1; residents--)
        for (const int least_stages : {4, 3, 2})
            for (int groups = most_groups; groups >= 1; groups /= 2)
                for (int stages = wanted_stages; stages >= (code_bits ? std::max(least_stages, forward::least_encoded_stages(variant)) : least_stages); stages--) {
                    const ForwardArrangement a{row_warps, groups, stages};
                    const int bytes = forward::shared_bytes(variant, a, padded(shape), shape.element_bytes(), shared, code_bits);
                    if (bytes > chip.shared_memory_per_block || (bytes + shared_memory_reserve) * residents > whole) continue;
                    if (residents > 1 && least_stages < 3) continue;
                    c.how.arrangement = a;
                    c.blocks_per_chip = residents * chip.multiprocessors;
                    return;
                }
    c.rejected = std::string(code_bits == 0 ? "two stages do" : variant == ForwardVariant::wide16 ? "a tile and two stages of codes do" : "two tiles and three stages of codes do") + " not fit the " + std::to_string(chip.shared_memory_per_block) +
                 " bytes of shared memory of a block";
}

// Bytes from memory, tensor work, exponentials, shared-memory traffic and decoding of all row tiles; the slowest of the five sets the pace.
double cost_of(const Chip& chip, const AttentionShape& shape, const Candidate& c) {
    const int element = shape.element_bytes(), width = padded(shape);
    const Rates rates = rates_of(chip, element);
    const bool shared = shape.form == 1;
    const double per_token_memory = history_bytes(shape) * (shared ? 1 : 2) / rates.memory_bytes;
    const double per_token_products = double(c.rows) * width * 2 / rates.products;
    const double per_token_exponentials = double(c.rows) / rates.exponentials;
    // Every warp reads K, V and (16 tokens at a time) its queries.
    const double query_reads = double(c.rows) / forward::slice_tokens(c.how.variant, width * element);
    double shared_bytes = (double(c.how.arrangement.row_warps) * 2 + (shared ? 1 : 2) + query_reads) * width * element;
    if (c.how.variant == ForwardVariant::wide16) shared_bytes += forward::wide_warps * (forward::wide_warps + 1) * 16 * 4;  // parts of logits
    double per_token_decoded = 0;
    if (shape.code_bits() != 0) {
        shared_bytes += (shared ? 1 : 2) * (2 * history_bytes(shape) + width * element);  // codes in and out, elements in
        per_token_decoded = (shared ? 1 : 2) * width / rates.decoded;
    }
    const double per_token_shared = shared_bytes / rates.shared_bytes;
    const double per_token = std::max({per_token_memory, per_token_products, per_token_exponentials, per_token_shared, per_token_decoded});
    constexpr double per_tile = 4000;  // loading rows, filling the ring, merging, writing
    double cycles = 0;
    for (int64_t segment = 0; segment < shape.segments(); segment++) {
        const int64_t rows = rows_of(shape, segment);
        if (rows == 0) continue;
        const int64_t tiles = (rows + c.rows - 1) / c.rows, length = shape.history_offsets[segment + 1] - shape.history_offsets[segment];
        cycles += shape.key_value_heads * double(tiles) * (per_tile + per_token * double(length));
    }
    return cycles;
}

std::vector<Candidate> candidates_of(const Chip& chip, const AttentionShape& shape) {
    const bool pairs = forward::has_variant(ForwardVariant::tiles32, shape.element_bytes(), padded(shape));
    const bool stream_pairs = pairs && shape.code_bits() == 0;
    std::vector<Candidate> candidates;
    const auto add = [&](const char* name, ForwardVariant variant, int row_warps, int most_groups, int blocks_per_multiprocessor) {
        Candidate c;
        c.name = name;
        arrange(chip, shape, c, variant, row_warps, most_groups, blocks_per_multiprocessor);
        if (c.rejected.empty()) c.cycles = cost_of(chip, shape, c);
        candidates.push_back(c);
    };
    add("thin16", ForwardVariant::stream16, 1, 8, 1);
    add("thin32", stream_pairs ? ForwardVariant::stream32 : ForwardVariant::stream16, stream_pairs ? 1 : 2, stream_pairs ? 8 : 4, 1);
    add("tiled64", pairs ? ForwardVariant::tiles32 : ForwardVariant::tiles16, pairs ? 2 : 4, 2, pairs ? 2 : 1);
    add("tiled128", pairs ? ForwardVariant::tiles32 : ForwardVariant::tiles16, pairs ? 4 : 8, 1, pairs ? 2 : 1);
    if (shape.form == 1) add("wide", ForwardVariant::wide16, 1, 1, 1);
    return candidates;
}

struct RowTile {
    Problem problem;
    int32_t first_row, rows;
};

// Row tiles in an order in which neighbouring blocks walk the row tiles of the same histories side by side, so that a history that several row tiles
// read comes from the cache: sets of problems, in each set first all first row tiles, then all second ones.
std::vector<RowTile> row_tiles_of(const AttentionShape& shape, const Candidate& c) {
    std::vector<Problem> problems;
    int64_t most_tiles = 1;
    for (int64_t segment = 0; segment < shape.segments(); segment++) {
        if (rows_of(shape, segment) == 0) continue;
        most_tiles = std::max(most_tiles, (rows_of(shape, segment) + c.rows - 1) / c.rows);
        for (int head = 0; head < shape.key_value_heads; head++) problems.push_back({segment, head});
    }
    const int64_t count = static_cast<int64_t>(problems.size());
    const int64_t sets = most_tiles == 1 ? 1 : std::clamp<int64_t>((c.blocks_per_chip + most_tiles - 1) / most_tiles, 1, std::max<int64_t>(count, 1));
    std::vector<RowTile> tiles;
    for (int64_t set = 0; set < sets; set++)
        for (int64_t tile = 0; tile < most_tiles; tile++)
            for (int64_t i = set; i < count; i += sets) {
                const int64_t rows = rows_of(shape, problems[i].segment), first = tile * c.rows;
                if (first < rows) tiles.push_back({problems[i], static_cast<int32_t>(first), static_cast<int32_t>(std::min<int64_t>(c.rows, rows - first))});
            }
    return tiles;
}

AttentionWork work_of(const AttentionShape& shape, const RowTile& tile) {
    AttentionWork work = problem_work(shape, tile.problem.segment, tile.problem.key_value_head);
    work.first_row = tile.first_row;
    work.rows = tile.rows;
    return work;
}

std::string encoding_of(const AttentionShape& shape) {
    if (shape.code_bits() == 0) return "the history's fp16 rows are elements of the queries' type: nothing is decoded";
    const char* const names[] = {"", "fp16", "int8", "int4"};
    return std::string("the history's ") + names[shape.history_encoding] + " codes are decoded as they are read: " + std::to_string(int(history_bytes(shape))) +
           " bytes a head of a token, instead of " + std::to_string(shape.head_width * shape.element_bytes());
}

std::string describe(const Candidate& c, const AttentionShape& shape) {
    char text[240];
    if (!c.rejected.empty()) {
        std::snprintf(text, sizeof text, "  %-9s rejected: %s", c.name.c_str(), c.rejected.c_str());
    } else {
        const auto& a = c.how.arrangement;
        const int bytes = forward::shared_bytes(c.how.variant, a, padded(shape), shape.element_bytes(), shape.form == 1, shape.code_bits());
        std::snprintf(text, sizeof text, "  %-9s %d rows x %d groups of warps, %d stages, %d bytes of shared memory: %.3g cycles of one multiprocessor", c.name.c_str(), c.rows,
                      a.token_groups, a.stages, bytes, c.cycles);
    }
    return text;
}
}  // namespace

std::string unsupported_forward(const AttentionShape& shape) {
    const int widest = shape.form == 1 ? forward::max_wide_width : forward::max_width;
    if (shape.head_width > widest)
        return "head_width was " + std::to_string(shape.head_width) + " but kernels take at most " + std::to_string(widest) + (shape.form == 1 ? "." : " of projected history.");
    for (int64_t segment = 0; segment < shape.segments(); segment++) {
        const int64_t length = shape.history_offsets[segment + 1] - shape.history_offsets[segment];
        if (length > longest_history)
            return "history_offsets has a segment of " + std::to_string(length) + " rows but kernels take at most " + std::to_string(longest_history) + ".";
        if (rows_of(shape, segment) > longest_history)
            return "target_offsets has a segment of " + std::to_string(rows_of(shape, segment)) + " query rows but kernels take at most " + std::to_string(longest_history) + ".";
    }
    return "";
}

ForwardPlan plan_forward(const Chip& chip, const AttentionShape& shape, const ForwardPin& pin) {
    const std::vector<Candidate> candidates = candidates_of(chip, shape);
    const Candidate* chosen = nullptr;
    for (const Candidate& c : candidates) {
        if (!c.rejected.empty() || (!pin.kernel.empty() && c.name != pin.kernel)) continue;
        if (!chosen || c.cycles < chosen->cycles) chosen = &c;
    }
    if (!chosen)
        throw std::invalid_argument(pin.kernel.empty() ? "head_width was " + std::to_string(shape.head_width) + " but its tiles exceed the device's " +
                                                             std::to_string(chip.shared_memory_per_block) + " bytes of shared memory of a block."
                                                       : "The kernel " + pin.kernel + " does not take this shape.");

    const std::vector<RowTile> tiles = row_tiles_of(shape, *chosen);
    std::vector<int64_t> tile_tokens(tiles.size());
    for (size_t i = 0; i < tiles.size(); i++) tile_tokens[i] = visible_tokens(shape, tiles[i].problem.segment, tiles[i].first_row, tiles[i].rows);
    const auto& arrangement = chosen->how.arrangement;
    const int slice = forward::slice_tokens(chosen->how.variant, padded(shape) * shape.element_bytes());
    const int blocks = pin.blocks > 0 ? pin.blocks : chosen->blocks_per_chip;
    // A wide state is large: its parts are long.
    const bool wide = chosen->how.variant == ForwardVariant::wide16;
    const SplitRule rule{blocks, int64_t(slice) * arrangement.token_groups, wide ? 16 : 5, wide ? 16 : 4};
    const Schedule schedule = split_evenly(tile_tokens, rule);

    ForwardPlan plan;
    plan.how = chosen->how;
    plan.block_works = schedule.block_pieces;
    int32_t states = 0, split_tiles = 0;
    for (const Piece& piece : schedule.pieces) {
        AttentionWork work = work_of(shape, tiles[piece.tile]);
        work.token_begin = static_cast<int32_t>(piece.begin);
        work.token_end = static_cast<int32_t>(piece.end);
        work.split = piece.split;
        work.splits = piece.splits;
        if (piece.splits > 1) {
            if (piece.split == 0) {
                split_tiles++;
                states += piece.splits;
            }
            work.ticket = split_tiles - 1;
            work.first_partial = states - piece.splits;
        }
        plan.works.push_back(work);
    }
    plan.tickets = split_tiles;
    plan.partial_bytes = int64_t(states) * forward::state_warps(plan.how.variant, arrangement) *
                         forward::state_vectors(forward::row_tiles(plan.how.variant), forward::state_width(plan.how.variant, padded(shape))) * 16;

    plan.explanation = "forward: " + chosen->name + (pin.kernel.empty() ? ", the cheapest of" : ", pinned, of") + "\n";
    for (const Candidate& c : candidates) plan.explanation += describe(c, shape) + "\n";
    if (shape.history_encoding != 0) plan.explanation += encoding_of(shape) + "\n";
    char text[200];
    std::snprintf(text, sizeof text, "%zu row tiles in %zu works on %d blocks; %d row tiles are split; the fullest block has %.2f times the mean cost; %lld bytes of partial states",
                  tiles.size(), plan.works.size(), plan.blocks(), split_tiles,
                  schedule.total_cost ? double(schedule.largest_cost) * plan.blocks() / double(schedule.total_cost) : 1.0, static_cast<long long>(plan.partial_bytes));
    plan.explanation += text;
    return plan;
}

}  // namespace lsk
