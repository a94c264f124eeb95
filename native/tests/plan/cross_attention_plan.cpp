#include "plan/cross_attention.h"
#include <doctest/doctest.h>
#include <map>
#include <numeric>
#include <random>
#include <tuple>
#include "support/samples.h"

using namespace lsk;

namespace {
constexpr Chip chips[] = {{90, 132, 232448}, {89, 142, 101376}, {80, 108, 166912}};

AttentionShape shape_of(std::vector<int64_t> targets, std::vector<int64_t> history) {
    AttentionShape shape;
    shape.dtype = 1;
    shape.output_dtype = 1;
    shape.form = 1;
    shape.head_width = 128;
    shape.target_offsets = test::offsets_of(targets);
    shape.history_offsets = test::offsets_of(history);
    return shape;
}

// By (first output row of the problem, row of the problem): how many tokens works cover.
void check_cover(const AttentionShape& shape, const ForwardPlan& plan) {
    std::map<std::pair<int64_t, int32_t>, std::pair<int64_t, AttentionWork>> rows;
    for (const AttentionWork& work : plan.works) {
        REQUIRE(work.rows > 0);
        REQUIRE(work.token_begin <= work.token_end);
        REQUIRE(work.split < work.splits);
        if (work.splits > 1) REQUIRE((work.ticket >= 0 && work.ticket < plan.tickets));
        for (int32_t row = work.first_row; row < work.first_row + work.rows; row++) {
            auto [at, first] = rows.try_emplace({work.output_row, row}, work.token_begin, work);
            REQUIRE(at->second.first == work.token_begin);  // parts follow each other
            at->second.first = work.token_end;
        }
    }
    const int64_t group = shape.heads_per_key_value(), per_target = group * shape.queries_per_target;
    size_t expected = 0;
    for (int64_t segment = 0; segment < shape.segments(); segment++) {
        const int64_t length = shape.history_offsets[segment + 1] - shape.history_offsets[segment];
        const int64_t targets = shape.target_offsets[segment + 1] - shape.target_offsets[segment];
        for (int64_t head = 0; head < shape.key_value_heads; head++)
            for (int64_t row = 0; row < targets * per_target; row++, expected++) {
                const int64_t target = shape.target_offsets[segment] + row / per_target;
                const int64_t seen = shape.history_limits.empty() ? length : std::min(length, shape.history_limits[target]);
                const auto at = rows.find({shape.target_offsets[segment] * shape.queries_per_target * shape.heads + head * group, int32_t(row)});
                REQUIRE(at != rows.end());
                REQUIRE(at->second.first >= seen);
                REQUIRE(at->second.first <= length);
            }
    }
    REQUIRE(rows.size() == expected);
}

std::string chosen(const ForwardPlan& plan) { return plan.explanation.substr(9, plan.explanation.find(',') - 9); }
}  // namespace

TEST_SUITE("cross_attention_plan") {
    TEST_CASE("works cover what every row sees, whatever the shape") {
        std::mt19937_64 generator(3);
        const auto below = [&](int64_t n) { return static_cast<int64_t>(generator() % static_cast<uint64_t>(n)); };
        for (int i = 0; i < 60; i++) {
            std::vector<int64_t> targets, history;
            for (int64_t s = below(12); s >= 0; s--) targets.push_back(below(40)), history.push_back(below(3) ? below(20000) : 0);
            AttentionShape shape = shape_of(targets, history);
            shape.form = i % 2;
            shape.heads = 6;
            shape.key_value_heads = shape.form == 1 ? 1 : 3;
            shape.queries_per_target = 1 + i % 3;
            if (i % 4 == 0)
                for (int64_t t = 0; t < shape.targets(); t++) shape.history_limits.push_back(below(25000));
            for (const Chip& chip : chips) check_cover(shape, plan_forward(chip, shape));
        }
    }

    TEST_CASE("a million events of one user are spread over the chip") {
        const AttentionShape shape = shape_of({8}, {1000000});
        for (const Chip& chip : chips) {
            const ForwardPlan plan = plan_forward(chip, shape);
            check_cover(shape, plan);
            CHECK(plan.blocks() >= chip.multiprocessors * 9 / 10);
            CHECK(plan.tickets == 1);
            CHECK(plan.partial_bytes > 0);
        }
    }

    TEST_CASE("few rows stream, many rows share tiles, wide histories have their kernel") {
        for (const Chip& chip : chips) {
            CHECK(chosen(plan_forward(chip, shape_of({8}, {10000}))) == "thin16");
            CHECK(chosen(plan_forward(chip, shape_of({30}, {10000}))) == "thin32");
            CHECK(chosen(plan_forward(chip, shape_of({1000}, {10000}))) == "tiled128");
            AttentionShape wide = shape_of({4}, {1000});
            wide.head_width = 768;
            CHECK(chosen(plan_forward(chip, wide)) == "wide");
        }
    }

    TEST_CASE("the explanation names every candidate") {
        const std::string text = plan_forward(chips[0], shape_of({8, 0, 3}, {100, 7, 0})).explanation;
        for (const char* name : {"thin16", "thin32", "tiled64", "tiled128", "wide"}) CHECK(text.find(name) != std::string::npos);
        CHECK(text.find("rejected") != std::string::npos);
    }

    TEST_CASE("a pin that does not fit is refused") {
        AttentionShape shape = shape_of({4}, {10});
        CHECK_THROWS(plan_forward(chips[0], shape, {"wide", 0}));
        shape.head_width = 1025;
        CHECK(!unsupported_forward(shape).empty());
        shape.form = 0;
        shape.head_width = 257;
        CHECK(!unsupported_forward(shape).empty());
    }
}
