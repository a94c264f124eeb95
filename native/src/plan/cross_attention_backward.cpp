#include "plan/cross_attention_backward.h"

#include <cstdio>
#include <stdexcept>
#include "plan/attention_problem.h"
#include "plan/rates.h"
#include "plan/splits.h"

namespace lsk {

namespace {
// What a piece of the row pass costs beside its tokens (rows in, query gradient out), in tokens; and the shortest span worth its merging.
constexpr int64_t fixed_tokens = 384, least_tokens = 512;

// The row pass with row tiles of one size.
struct Candidate {
    backward::ResidentArrangement how{};
    int blocks_per_multiprocessor = 0;
    double cycles = 0;     // of the whole backward on one multiprocessor, spread evenly
    std::string rejected;  // why it cannot, "" if it can

    bool usable() const { return rejected.empty(); }
};

int resident_bytes(const AttentionShape& shape, const backward::ResidentArrangement& a) {
    return backward::resident_map(a, shape.head_width, shape.element_bytes(), shape.form == 1).bytes;
}

// The best of the arrangements that fit: two blocks on a multiprocessor before two stages, as either hides the other's loads, and the blocks its barriers
// too. Two row groups have registers for one block.
Candidate arrange(const Chip& chip, const AttentionShape& shape, int row_capacity) {
    const int own_rows = backward::group_rows(shape.element_bytes()), groups = (row_capacity + own_rows - 1) / own_rows;
    Candidate c;
    c.how = {groups, row_capacity, 1};
    if (groups > 1 && backward::slices(shape.head_width, shape.element_bytes()) > 1) {
        c.rejected = "histories in slices of columns have tiles of at most " + std::to_string(own_rows) + " rows";
        return c;
    }
    const int64_t whole = chip.shared_memory_per_block + shared_memory_reserve;
    for (c.blocks_per_multiprocessor = backward::most_row_groups / groups; c.blocks_per_multiprocessor >= 1; c.blocks_per_multiprocessor--)
        for (c.how.stages = 2; c.how.stages >= 1; c.how.stages--)
            if ((resident_bytes(shape, c.how) + shared_memory_reserve) * c.blocks_per_multiprocessor <= whole) return c;
    c.how.stages = 1;
    c.rejected = "its tiles take " + std::to_string(resident_bytes(shape, c.how)) + " of the " + std::to_string(chip.shared_memory_per_block) + " bytes of shared memory of a block";
    return c;
}

// What one pass does for a token of a history.
struct PassWork {
    double memory_bytes = 0, products = 0, exponentials = 0, shared_bytes = 0;

    double cycles(const Rates& rates) const {
        return std::max({memory_bytes / rates.memory_bytes, products / rates.products, exponentials / rates.exponentials, shared_bytes / rates.shared_bytes});
    }
};

// The row pass: scores and their gradients, the query gradient, and of whole problems the history's gradients (5 products of rows and tokens, else 3).
PassWork row_pass(const AttentionShape& shape, const Candidate& c, double rows, bool whole) {
    const double element = shape.element_bytes(), width = backward::padded_width(shape.head_width, shape.element_bytes());
    const double tensors = shape.form == 1 ? 1 : 2, row_bytes = width * element;
    // Of two groups of warps, the busier one sets the pace of the query gradient.
    const double own_rows = c.how.row_groups * std::min<double>(rows, backward::group_rows(shape.element_bytes()));
    PassWork work;
    work.memory_bytes = tensors * shape.head_width * element * (whole ? 2 : 1);
    work.products = width * (2 * rows + own_rows + (whole ? 2 * rows : 0));
    work.exponentials = rows;
    // A warp reads queries and output gradients for 16 tokens, once more for their gradients; dS is written, read by a group's warps, as are the keys.
    work.shared_bytes = 2 * rows * row_bytes / backward::warp_tokens * (whole ? 2 : 1) + rows * element * (1 + backward::group_warps) + (tensors + c.how.row_groups) * row_bytes;
    if (whole) work.shared_bytes += 2 * tensors * row_bytes;
    return work;
}

// The token pass: scores and their gradients once more, and the history's gradients (4 products; each of two tensors computes the scores for itself).
PassWork token_pass(const AttentionShape& shape, double rows) {
    const double element = shape.element_bytes(), width = backward::padded_width(shape.head_width, shape.element_bytes());
    const double tensors = shape.form == 1 ? 1 : 2, row_bytes = width * element;
    PassWork work;
    work.memory_bytes = (2 * tensors + tensors - 1) * shape.head_width * element;
    work.products = width * rows * (tensors == 1 ? 4 : 5);
    work.exponentials = rows * tensors;
    work.shared_bytes = (tensors == 1 ? 4 : 5) * rows * row_bytes / backward::warp_tokens + 4 * tensors * row_bytes;
    return work;
}

double cost_of(const Chip& chip, const AttentionShape& shape, const Candidate& c) {
    const Rates rates = rates_of(chip, shape.element_bytes());
    const auto padded = [](int64_t rows) { return double((rows + backward::chunk_rows - 1) / backward::chunk_rows * backward::chunk_rows); };
    constexpr double per_tile = 4000;  // loading rows, filling the ring, merging, writing
    double cycles = 0;
    for (int64_t segment = 0; segment < shape.segments(); segment++) {
        const int64_t rows = rows_of(shape, segment), capacity = c.how.row_capacity;
        if (rows == 0) continue;
        const bool whole = rows <= capacity;
        const double length = double(history_of(shape, segment));
        double of_problem = 0;
        for (int64_t first = 0; first < rows; first += capacity)
            of_problem += per_tile + length * row_pass(shape, c, padded(std::min(capacity, rows - first)), whole).cycles(rates);
        if (!whole) of_problem += length * token_pass(shape, padded(rows)).cycles(rates);
        cycles += shape.key_value_heads * of_problem;
    }
    return cycles * backward::slices(shape.head_width, shape.element_bytes());
}

std::vector<Candidate> candidates_of(const Chip& chip, const AttentionShape& shape) {
    std::vector<Candidate> candidates;
    for (int capacity = backward::chunk_rows; capacity <= backward::most_row_groups * backward::group_rows(shape.element_bytes()); capacity += backward::chunk_rows) {
        candidates.push_back(arrange(chip, shape, capacity));
        if (candidates.back().usable()) candidates.back().cycles = cost_of(chip, shape, candidates.back());
    }
    return candidates;
}

const Candidate* cheapest(const std::vector<Candidate>& candidates, int pinned_capacity) {
    const Candidate* chosen = nullptr;
    for (const Candidate& c : candidates)
        if (c.usable() && (pinned_capacity == 0 || c.how.row_capacity == pinned_capacity) && (!chosen || c.cycles < chosen->cycles)) chosen = &c;
    return chosen;
}

std::string describe(const Candidate& c, const AttentionShape& shape) {
    char text[240];
    if (!c.usable())
        std::snprintf(text, sizeof text, "  rows%-5d rejected: %s\n", c.how.row_capacity, c.rejected.c_str());
    else
        std::snprintf(text, sizeof text, "  rows%-5d %d warps, %d stages of %d tokens, %d bytes of shared memory, %d blocks a multiprocessor: %.3g cycles of one multiprocessor\n",
                      c.how.row_capacity, c.how.row_groups * backward::group_warps, c.how.stages, backward::resident_tokens(c.how.row_groups), resident_bytes(shape, c.how),
                      c.blocks_per_multiprocessor, c.cycles);
    return text;
}

// As many warps, then as many stages as fit. Warps 0 where none do.
backward::TokenArrangement arrange_tokens(const Chip& chip, const AttentionShape& shape) {
    for (int warps = backward::token_warps_most; warps >= 4; warps /= 2)
        for (int stages = backward::max_stages; stages >= (warps > 4 ? 2 : 1); stages--) {
            const backward::TokenArrangement a{warps, stages};
            if (backward::token_map(a, shape.head_width, shape.element_bytes(), shape.form == 1).bytes <= chip.shared_memory_per_block) return a;
        }
    return {};
}

struct RowTile {
    int64_t segment;
    int key_value_head;
    int64_t first_row, rows;
    bool whole;      // all rows of its problem: the history's gradients come with it
    int64_t tokens;  // that it walks
};

// A problem without rows is a tile as well: the gradients of its history are zeros, and somebody has to write them.
std::vector<RowTile> row_tiles_of(const AttentionShape& shape, int capacity) {
    std::vector<RowTile> tiles;
    for (int64_t segment = 0; segment < shape.segments(); segment++) {
        const int64_t rows = rows_of(shape, segment);
        for (int head = 0; head < shape.key_value_heads; head++)
            for (int64_t first = 0; first == 0 || first < rows; first += capacity) {
                const int64_t own = std::min<int64_t>(capacity, rows - first);
                const bool whole = rows <= capacity;
                tiles.push_back({segment, head, first, own, whole, whole ? history_of(shape, segment) : visible_tokens(shape, segment, first, own)});
            }
    }
    return tiles;
}

// Of broadcast queries every piece leaves a partial gradient, a part of a whole query tensor: all tiles of a segment are cut alike.
Schedule cut_alike(const AttentionShape& shape, const std::vector<RowTile>& tiles, int blocks, int64_t step) {
    int64_t total = 0;
    for (const RowTile& tile : tiles) total += tile.tokens;
    const int64_t span = std::max(total / std::max(blocks, 1), least_tokens);
    Schedule schedule;
    schedule.block_pieces.push_back(0);
    for (size_t i = 0; i < tiles.size(); i++) {
        const int64_t length = history_of(shape, tiles[i].segment), splits = std::max<int64_t>(1, length / span);
        const int64_t steps = (length + step - 1) / step;
        for (int64_t split = 0; split < splits; split++) {
            const int64_t begin = std::min(tiles[i].tokens, steps * split / splits * step);
            const int64_t end = std::min(tiles[i].tokens, steps * (split + 1) / splits * step);
            schedule.pieces.push_back({static_cast<int32_t>(i), begin, end, static_cast<int32_t>(split), static_cast<int32_t>(splits)});
            schedule.block_pieces.push_back(static_cast<int32_t>(schedule.pieces.size()));
        }
    }
    return schedule;
}

BackwardWork work_of(const AttentionShape& shape, const RowTile& tile, const Piece& piece) {
    BackwardWork work{};
    AttentionWork& a = work.attention = problem_work(shape, tile.segment, tile.key_value_head);
    a.first_row = static_cast<int32_t>(tile.first_row);
    a.rows = static_cast<int32_t>(tile.rows);
    a.token_begin = static_cast<int32_t>(piece.begin);
    a.token_end = static_cast<int32_t>(piece.end);
    a.split = piece.split;
    a.splits = piece.splits;
    work.visible_end = static_cast<int32_t>(visible_tokens(shape, tile.segment, tile.first_row, tile.rows));
    work.whole = tile.whole;
    return work;
}

void plan_rows(BackwardPlan& plan, const AttentionShape& shape, const std::vector<RowTile>& tiles, int blocks) {
    std::vector<int64_t> tile_tokens;
    for (const RowTile& tile : tiles) tile_tokens.push_back(tile.tokens);
    const int64_t step = backward::resident_tokens(plan.rows.row_groups);
    const Schedule schedule = shape.broadcast_queries ? cut_alike(shape, tiles, blocks, step) : split_evenly(tile_tokens, {blocks, step, fixed_tokens / step, least_tokens / step});
    plan.row_block_works = schedule.block_pieces;
    int64_t segment_part = 0, parts = 0;  // broadcast queries: parts of earlier segments, and with this one's
    for (const Piece& piece : schedule.pieces) {
        BackwardWork work = work_of(shape, tiles[piece.tile], piece);
        if (shape.broadcast_queries) {
            const bool next_segment = piece.tile > 0 && piece.split == 0 && tiles[piece.tile].segment != tiles[piece.tile - 1].segment;
            if (next_segment) segment_part = parts;
            work.part = static_cast<int32_t>(segment_part + piece.split);
            parts = segment_part + piece.splits;
        } else if (piece.splits > 1) {
            if (piece.split == 0) {
                plan.tickets++;
                plan.partials += piece.splits;
            }
            work.attention.ticket = plan.tickets - 1;
            work.attention.first_partial = static_cast<int32_t>(plan.partials - piece.splits);
        }
        plan.row_works.push_back(work);
    }
    const int64_t query_elements = shape.query_targets() * shape.queries_per_target * shape.heads * shape.head_width;
    if (shape.broadcast_queries) plan.partials = parts;
    plan.partial_stride = shape.broadcast_queries ? query_elements : int64_t(plan.rows.row_capacity) * shape.head_width;
}

// Spans of token tiles of the problems with several row tiles, short enough to fill the chip several times over, the dearest first.
void plan_tokens(BackwardPlan& plan, const Chip& chip, const AttentionShape& shape, int pinned_tiles) {
    const int64_t tile = int64_t(plan.tokens.warps) * backward::warp_tokens;
    double total = 0;  // tiles x rows
    for (int64_t segment = 0; segment < shape.segments(); segment++)
        if (rows_of(shape, segment) > plan.rows.row_capacity) total += shape.key_value_heads * double(rows_of(shape, segment)) * double((history_of(shape, segment) + tile - 1) / tile);
    const double share = total / (8.0 * chip.multiprocessors);
    for (int64_t segment = 0; segment < shape.segments(); segment++) {
        const int64_t rows = rows_of(shape, segment), length = history_of(shape, segment);
        if (rows <= plan.rows.row_capacity) continue;
        const int64_t span = (pinned_tiles > 0 ? pinned_tiles : std::max<int64_t>(1, static_cast<int64_t>(share / double(rows)))) * tile;
        for (int64_t begin = 0; begin < length; begin += span)
            for (int head = 0; head < shape.key_value_heads; head++)
                plan.token_works.push_back(work_of(shape, {segment, head, 0, rows, true, length}, {0, begin, std::min(begin + span, length), 0, 1}));
    }
    const auto cost = [](const BackwardWork& work) { return double(work.attention.rows) * (work.attention.token_end - work.attention.token_begin); };
    std::stable_sort(plan.token_works.begin(), plan.token_works.end(), [&](const BackwardWork& a, const BackwardWork& b) { return cost(a) > cost(b); });
}
}  // namespace

std::string unsupported_backward(const Chip& chip, const AttentionShape& shape) {
    if (shape.head_width > backward::widest)
        return "head_width was " + std::to_string(shape.head_width) + " but the backward's kernels take at most " + std::to_string(backward::widest) + ".";
    if (!cheapest(candidates_of(chip, shape), 0) || arrange_tokens(chip, shape).warps == 0)
        return "head_width was " + std::to_string(shape.head_width) + " but the backward's tiles of it do not fit the " + std::to_string(chip.shared_memory_per_block) +
               " bytes of shared memory of a block.";
    return "";
}

BackwardPlan plan_backward(const Chip& chip, const AttentionShape& shape, const BackwardPin& pin) {
    const std::vector<Candidate> candidates = candidates_of(chip, shape);
    const Candidate* const chosen = cheapest(candidates, pin.row_capacity);
    if (!chosen) throw std::invalid_argument("Row tiles of " + std::to_string(pin.row_capacity) + " rows do not take this shape.");
    BackwardPlan plan;
    plan.rows = chosen->how;
    plan.tokens = arrange_tokens(chip, shape);
    const std::vector<RowTile> tiles = row_tiles_of(shape, plan.rows.row_capacity);
    plan_rows(plan, shape, tiles, pin.blocks > 0 ? pin.blocks : chosen->blocks_per_multiprocessor * chip.multiprocessors);
    plan_tokens(plan, chip, shape, pin.span_tiles);

    char text[400];
    const auto whole = std::count_if(tiles.begin(), tiles.end(), [](const RowTile& tile) { return tile.whole; });
    plan.explanation = "backward, rows at rest: rows" + std::to_string(plan.rows.row_capacity) + (pin.row_capacity == 0 ? ", the cheapest of\n" : ", pinned, of\n");
    for (const Candidate& c : candidates) plan.explanation += describe(c, shape);
    std::snprintf(text, sizeof text,
                  "%zu row tiles in %zu works on %d blocks, %lld of them whole problems, whose history gradients are complete in this pass; %d row tiles are split; "
                  "%lld partial query gradients\n",
                  tiles.size(), plan.row_works.size(), plan.row_blocks(), static_cast<long long>(whole), plan.tickets, static_cast<long long>(plan.partials));
    plan.explanation += text;
    if (const int slices = backward::slices(shape.head_width, shape.element_bytes()); slices > 1)
        plan.explanation += "backward, columns: " + std::to_string(slices) + " slices of " + std::to_string(backward::slice_width) + ", each of which computes the scores of all columns\n";
    if (!plan.token_works.empty()) {
        std::snprintf(text, sizeof text,
                      "backward, tokens at rest: problems of more than %d rows take a second pass for their history gradients (7 products of rows and tokens instead of 5, but no sums in memory): "
                      "tiles of %d tokens, %d stages of %d rows, %zu blocks\n",
                      plan.rows.row_capacity, plan.tokens.warps * backward::warp_tokens, plan.tokens.stages, backward::chunk_rows, plan.token_works.size());
        plan.explanation += text;
    }
    return plan;
}

}  // namespace lsk
