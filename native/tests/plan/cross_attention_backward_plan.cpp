#include "plan/cross_attention_backward.h"
#include <doctest/doctest.h>
#include <map>
#include <random>
#include <tuple>
#include "plan/attention_problem.h"
#include "support/samples.h"

using namespace lsk;

namespace {
constexpr Chip chips[] = {{90, 132, 232448}, {89, 142, 101376}, {80, 108, 166912}};

AttentionShape shape_of(const std::vector<int64_t>& targets, const std::vector<int64_t>& history) {
    AttentionShape shape;
    shape.dtype = 1;
    shape.output_dtype = 1;
    shape.form = 1;
    shape.head_width = 128;
    shape.target_offsets = test::offsets_of(targets);
    shape.history_offsets = test::offsets_of(history);
    return shape;
}

std::vector<AttentionShape> random_shapes() {
    std::mt19937_64 generator(5);
    const auto below = [&](int64_t n) { return static_cast<int64_t>(generator() % static_cast<uint64_t>(n)); };
    std::vector<AttentionShape> shapes;
    for (int i = 0; i < 120; i++) {
        const bool broadcast = i % 5 == 0;
        const int64_t every_target = 1 + below(40);
        std::vector<int64_t> targets, history;
        for (int64_t s = below(12); s >= 0; s--) targets.push_back(broadcast ? every_target : below(60)), history.push_back(below(3) ? below(1 + (int64_t(1) << below(15))) : 0);
        AttentionShape shape = shape_of(targets, history);
        shape.broadcast_queries = broadcast;
        shape.dtype = i % 3;
        shape.form = i % 2;
        shape.head_width = static_cast<int>(1 + below(i % 7 ? 128 : 1024));
        shape.heads = 6;
        shape.key_value_heads = shape.form == 1 ? 1 : 3;
        shape.queries_per_target = 1 + i % 3;
        if (i % 4 == 0)
            for (int64_t t = 0; t < shape.targets(); t++) shape.history_limits.push_back(below(25000));
        shapes.push_back(shape);
    }
    return shapes;
}

using Problem = std::tuple<int64_t, int32_t>;  // first history row, key/value head: of histories that are not empty

// Every key of every row exactly once in the row pass, and every key's gradient from exactly one block.
void check_cover(const AttentionShape& shape, const BackwardPlan& plan) {
    std::map<std::tuple<int64_t, int32_t>, int64_t> rows;      // (first output row of the problem, row): tokens so far
    std::map<Problem, std::map<int32_t, int32_t>> gradients;   // begin -> end of the spans whose gradients somebody writes
    for (const BackwardWork& work : plan.row_works) {
        const AttentionWork& a = work.attention;
        REQUIRE(a.rows >= 0);
        REQUIRE(a.rows <= plan.rows.row_capacity);
        REQUIRE(a.token_begin <= a.token_end);
        REQUIRE(a.split < a.splits);
        for (int32_t row = a.first_row; row < a.first_row + a.rows; row++) {
            const auto at = rows.try_emplace({a.output_row, row}, 0).first;
            REQUIRE(at->second == a.token_begin);
            at->second = a.token_end;
        }
        if (work.whole && a.token_end > a.token_begin) REQUIRE(gradients[{a.history_row, a.key_value_head}].emplace(a.token_begin, a.token_end).second);
    }
    for (const BackwardWork& work : plan.token_works) {
        const AttentionWork& a = work.attention;
        REQUIRE(a.first_row == 0);
        REQUIRE(gradients[{a.history_row, a.key_value_head}].emplace(a.token_begin, a.token_end).second);
    }
    const int64_t group = shape.heads_per_key_value(), per_target = group * shape.queries_per_target;
    for (int64_t segment = 0; segment < shape.segments(); segment++) {
        const int64_t length = history_of(shape, segment), first_target = shape.target_offsets[segment];
        for (int head = 0; head < shape.key_value_heads; head++) {
            for (int64_t row = 0; row < rows_of(shape, segment); row++) {
                const int64_t seen = shape.history_limits.empty() ? length : std::min(length, shape.history_limits[first_target + row / per_target]);
                const auto at = rows.find({first_target * shape.queries_per_target * shape.heads + head * group, int32_t(row)});
                REQUIRE(at != rows.end());
                REQUIRE((at->second >= seen && at->second <= length));
                rows.erase(at);
            }
            if (length == 0) continue;
            int32_t token = 0;
            for (const auto& [begin, end] : gradients[{shape.history_offsets[segment], head}]) {
                REQUIRE(begin == token);
                token = end;
            }
            REQUIRE(token == length);
        }
    }
    REQUIRE(rows.empty());
}

// Partial query gradients lie in the workspace side by side, and tickets are those of the tiles that have several.
void check_workspace(const AttentionShape& shape, const BackwardPlan& plan) {
    std::map<int64_t, int32_t> slots;  // slot -> ticket
    std::map<int32_t, int32_t> arrivals;
    for (const BackwardWork& work : plan.row_works) {
        const AttentionWork& a = work.attention;
        if (shape.broadcast_queries || a.splits == 1) continue;
        REQUIRE((a.ticket >= 0 && a.ticket < plan.tickets));
        REQUIRE(int64_t(a.first_partial) + a.split < plan.partials);
        REQUIRE(int64_t(a.rows) * shape.head_width <= plan.partial_stride);
        REQUIRE(slots.emplace(int64_t(a.first_partial) + a.split, a.ticket).second);
        REQUIRE(arrivals.try_emplace(a.ticket, a.splits).first->second == a.splits);
    }
    if (!shape.broadcast_queries) {
        REQUIRE(static_cast<int64_t>(slots.size()) == plan.partials);
        REQUIRE(static_cast<int32_t>(arrivals.size()) == plan.tickets);
        return;
    }
    // Of broadcast queries each part is a whole query tensor: all its rows are written, once.
    std::map<std::tuple<int32_t, int64_t, int32_t>, int> written;
    for (const BackwardWork& work : plan.row_works)
        for (int32_t row = 0; row < work.attention.rows; row++) {
            REQUIRE((work.part >= 0 && work.part < plan.partials));
            REQUIRE(++written[{work.part, work.attention.query_row, work.attention.first_row + row}] == 1);
        }
    REQUIRE(static_cast<int64_t>(written.size()) == plan.partials * shape.query_targets() * shape.queries_per_target * shape.heads);
    REQUIRE(plan.partial_stride == shape.query_targets() * shape.queries_per_target * shape.heads * shape.head_width);
}
}  // namespace

TEST_SUITE("cross_attention_backward_plan") {
    TEST_CASE("works cover every key of every row once, and every key's gradient has one writer, whatever the shape") {
        for (const AttentionShape& shape : random_shapes())
            for (const Chip& chip : chips) {
                if (!unsupported_backward(chip, shape).empty()) continue;
                const BackwardPlan plan = plan_backward(chip, shape);
                CAPTURE(plan.explanation);
                check_cover(shape, plan);
                check_workspace(shape, plan);
                CHECK(backward::resident_map(plan.rows, shape.head_width, shape.element_bytes(), shape.form == 1).bytes <= chip.shared_memory_per_block);
                CHECK(backward::token_map(plan.tokens, shape.head_width, shape.element_bytes(), shape.form == 1).bytes <= chip.shared_memory_per_block);
                if (!shape.broadcast_queries) CHECK(plan.row_blocks() <= 2 * chip.multiprocessors);
            }
    }

    TEST_CASE("the same every time") {
        const auto same = [](const std::vector<BackwardWork>& a, const std::vector<BackwardWork>& b) {
            return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](const BackwardWork& x, const BackwardWork& y) {
                return x.attention.history_row == y.attention.history_row && x.attention.first_row == y.attention.first_row && x.attention.token_begin == y.attention.token_begin &&
                       x.attention.token_end == y.attention.token_end && x.attention.key_value_head == y.attention.key_value_head && x.part == y.part;
            });
        };
        for (const AttentionShape& shape : random_shapes()) {
            if (!unsupported_backward(chips[0], shape).empty()) continue;
            const BackwardPlan a = plan_backward(chips[0], shape), b = plan_backward(chips[0], shape);
            REQUIRE(same(a.row_works, b.row_works));
            REQUIRE(same(a.token_works, b.token_works));
            REQUIRE(a.row_block_works == b.row_block_works);
            REQUIRE(a.explanation == b.explanation);
        }
    }

    TEST_CASE("problems of up to 128 rows take one pass where the tiles fit, more rows take two") {
        for (const Chip& chip : chips)
            for (const int width : {64, 128, 256})
                for (const int64_t rows : {1, 32, 33, 64, 65, 96, 128, 129}) {
                    AttentionShape shape = shape_of({rows}, {10000});
                    shape.head_width = width;
                    const BackwardPlan plan = plan_backward(chip, shape);
                    const bool fits = chip.compute_capability >= 90 || width == 64 || (width == 128 && chip.compute_capability == 80);
                    CAPTURE(plan.explanation);
                    CHECK(plan.token_works.empty() == (rows <= 32 || (rows <= 64 && (width < 256 || chip.compute_capability != 89)) || (rows <= 128 && fits)));
                }
    }

    TEST_CASE("the explanation gives every size of row tile, and why it was rejected") {
        AttentionShape shape = shape_of({100}, {1000});
        const std::string text = plan_backward(chips[0], shape).explanation;
        for (const char* name : {"rows32", "rows64", "rows96", "rows128"}) CHECK(text.find(name) != std::string::npos);
        CHECK(text.find("rejected") == std::string::npos);
        shape.head_width = 256;
        CHECK(plan_backward(chips[1], shape).explanation.find("rejected: its tiles take") != std::string::npos);
        shape.head_width = 512;
        CHECK(plan_backward(chips[0], shape).explanation.find("rejected: histories in slices") != std::string::npos);
    }

    TEST_CASE("a pin that does not fit is refused, and so is a head that is too wide") {
        AttentionShape shape = shape_of({4}, {10});
        CHECK_THROWS(plan_backward(chips[0], shape, {.row_capacity = 48}));
        shape.head_width = 1025;
        CHECK(!unsupported_backward(chips[0], shape).empty());
    }
}
