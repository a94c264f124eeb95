#include "plan/splits.h"
#include <doctest/doctest.h>
#include <algorithm>
#include <random>

using namespace lsk;

namespace {
struct Case {
    std::vector<int64_t> tokens;
    SplitRule rule;
};

std::vector<Case> random_cases() {
    std::mt19937_64 generator(7);
    const auto below = [&](int64_t n) { return static_cast<int64_t>(generator() % static_cast<uint64_t>(n)); };
    std::vector<Case> cases;
    for (int i = 0; i < 300; i++) {
        Case c{{}, {static_cast<int>(1 + below(300)), 16 << below(4), 1 + below(8), 1 + below(6)}};
        const int64_t tiles = below(i % 3 ? 40 : 2000), longest = int64_t(1) << below(18);
        for (int64_t t = 0; t < tiles; t++) c.tokens.push_back(i % 2 ? below(longest + 1) : longest / (1 + t));  // even, or Zipf
        if (i % 10 == 0) c.tokens.push_back(1000000);
        cases.push_back(c);
    }
    cases.push_back({{}, {132, 128, 5, 4}});
    cases.push_back({{0}, {132, 128, 5, 4}});
    cases.push_back({std::vector<int64_t>(500, 0), {132, 128, 5, 4}});
    cases.push_back({{1000000}, {132, 128, 5, 4}});
    return cases;
}

int64_t steps(const Piece& piece, const SplitRule& rule) { return (piece.end - piece.begin + rule.step_tokens - 1) / rule.step_tokens; }
}  // namespace

TEST_SUITE("splits") {
    TEST_CASE("pieces cover every token of every tile once, in order") {
        for (const Case& c : random_cases()) {
            const Schedule schedule = split_evenly(c.tokens, c.rule);
            size_t at = 0;
            for (size_t tile = 0; tile < c.tokens.size(); tile++) {
                int64_t token = 0;
                int32_t split = 0;
                const size_t first = at;
                do {
                    REQUIRE(at < schedule.pieces.size());
                    const Piece& piece = schedule.pieces[at++];
                    REQUIRE(piece.tile == static_cast<int32_t>(tile));
                    REQUIRE(piece.begin == token);
                    REQUIRE(piece.split == split++);
                    REQUIRE((piece.end > piece.begin || c.tokens[tile] == 0));
                    REQUIRE((piece.end % c.rule.step_tokens == 0 || piece.end == c.tokens[tile]));
                    token = piece.end;
                } while (token < c.tokens[tile]);
                for (size_t i = first; i < at; i++) {
                    REQUIRE(schedule.pieces[i].splits == split);
                    if (split > 1) REQUIRE(steps(schedule.pieces[i], c.rule) >= c.rule.least_steps);
                }
            }
            REQUIRE(at == schedule.pieces.size());
            REQUIRE(schedule.block_pieces.front() == 0);
            REQUIRE(schedule.block_pieces.back() == static_cast<int32_t>(schedule.pieces.size()));
            REQUIRE(std::is_sorted(schedule.block_pieces.begin(), schedule.block_pieces.end()));
            REQUIRE(schedule.blocks() <= c.rule.blocks);
        }
    }

    TEST_CASE("no block costs more than a tenth above the mean, but for what cannot be cut") {
        for (const Case& c : random_cases()) {
            const Schedule schedule = split_evenly(c.tokens, c.rule);
            int64_t total = 0;
            for (int block = 0; block < schedule.blocks(); block++) {
                int64_t cost = 0;
                for (int32_t i = schedule.block_pieces[block]; i < schedule.block_pieces[block + 1]; i++) cost += c.rule.fixed_steps + steps(schedule.pieces[i], c.rule);
                REQUIRE(cost <= schedule.largest_cost);
                total += cost;
            }
            REQUIRE(total == schedule.total_cost);
            const double mean = double(total) / c.rule.blocks;
            // A cut leaves at most two short pieces and their fixed cost to chance.
            CHECK(double(schedule.largest_cost) <= 1.1 * mean + double(2 * (c.rule.fixed_steps + c.rule.least_steps) + 1));
        }
    }

    TEST_CASE("the same every time") {
        for (const Case& c : random_cases()) {
            const Schedule a = split_evenly(c.tokens, c.rule), b = split_evenly(c.tokens, c.rule);
            REQUIRE(a.block_pieces == b.block_pieces);
            for (size_t i = 0; i < a.pieces.size(); i++) REQUIRE((a.pieces[i].begin == b.pieces[i].begin && a.pieces[i].end == b.pieces[i].end));
        }
    }
}
