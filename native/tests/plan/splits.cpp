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

// The naive twin: the smallest cost of the fullest block over all ways to cut and to fill, found by trying them.
int64_t least_largest_cost(const std::vector<int64_t>& tile_steps, const SplitRule& rule) {
    struct Filled {
        int blocks = INT32_MAX;
        int64_t room = 0;
        bool operator<(const Filled& other) const { return blocks != other.blocks ? blocks < other.blocks : room > other.room; }
    };
    for (int64_t capacity = 1;; capacity++) {
        Filled before{0, 0};
        for (const int64_t steps : tile_steps) {
            std::vector<Filled> best(static_cast<size_t>(steps) + 1);  // by steps placed
            best[0] = before;
            Filled done;
            for (int64_t begin = 0; begin <= steps; begin++)
                for (int64_t end = begin; end <= steps; end++) {
                    const bool whole = begin == 0 && end == steps;
                    if (!whole && (end - begin < rule.least_steps || (end < steps && steps - end < rule.least_steps))) continue;
                    Filled from = best[static_cast<size_t>(begin)];
                    const int64_t cost = rule.fixed_steps + end - begin;
                    if (from.blocks == INT32_MAX || cost > capacity) continue;
                    if (from.blocks == 0 || cost > from.room) from = {from.blocks + 1, capacity};
                    Filled& to = end == steps ? done : best[static_cast<size_t>(end)];
                    to = std::min(to, Filled{from.blocks, from.room - cost});
                }
            before = done;
            if (before.blocks == INT32_MAX) break;
        }
        if (before.blocks <= rule.blocks) return capacity;
    }
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

    TEST_CASE("the fullest block of small batches costs what the best of all schedules costs") {
        std::mt19937_64 generator(11);
        const auto below = [&](int64_t n) { return static_cast<int64_t>(generator() % static_cast<uint64_t>(n)); };
        for (int i = 0; i < 400; i++) {
            const SplitRule rule{static_cast<int>(1 + below(9)), 1, 1 + below(6), 1 + below(5)};
            std::vector<int64_t> tokens;
            for (int64_t t = 1 + below(4); t > 0; t--) tokens.push_back(below(30));
            const Schedule schedule = split_evenly(tokens, rule);
            CAPTURE(rule.blocks);
            CAPTURE(rule.fixed_steps);
            CAPTURE(rule.least_steps);
            CHECK(schedule.largest_cost == least_largest_cost(tokens, rule));
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
            // The longest span that some tile has however it is cut; and a block's end that no piece fits.
            int64_t longest = c.rule.least_steps;
            for (const int64_t tokens : c.tokens) {
                const int64_t all = (tokens + c.rule.step_tokens - 1) / c.rule.step_tokens, pieces = std::max<int64_t>(1, all / c.rule.least_steps);
                longest = std::max(longest, (all + pieces - 1) / pieces);
            }
            const double mean = double(total) / c.rule.blocks, indivisible = double(c.rule.fixed_steps + longest);
            CHECK(double(schedule.largest_cost) <= std::max(1.1 * mean, mean + indivisible));
        }
    }

    TEST_CASE("a history alone is cut into spans of equal length, whatever its length and the device") {
        for (const int blocks : {1, 7, 108, 132, 264})
            for (const SplitRule& rule : {SplitRule{blocks, 128, 5, 4}, SplitRule{blocks, 256, 16, 16}, SplitRule{blocks, 64, 6, 8}})
                for (int64_t length = 1; length < 300000; length += 1 + length / 3) {
                    const Schedule schedule = split_evenly({length}, rule);
                    int64_t fewest = INT64_MAX, most = 0;
                    for (const Piece& piece : schedule.pieces) fewest = std::min(fewest, steps(piece, rule)), most = std::max(most, steps(piece, rule));
                    CHECK(most - fewest <= 1);
                    CHECK(double(schedule.largest_cost) * schedule.blocks() <= 1.1 * double(schedule.total_cost));
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
