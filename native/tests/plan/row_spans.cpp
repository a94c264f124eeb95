#include "plan/row_spans.h"
#include <doctest/doctest.h>
#include "support/samples.h"

using namespace lsk;

namespace {
struct Case {
    std::vector<int64_t> lengths;
    int tile_rows;
    int64_t blocks;
};
const Case cases[] = {{{}, 64, 8},           {{0, 0, 0}, 64, 8},     {{1}, 64, 8},        {{64, 65, 1, 0, 63}, 64, 1},
                      {{1000000}, 64, 396},  {{64 * 400}, 64, 396},  {{10, 5000, 3}, 16, 7}, {std::vector<int64_t>(3000, 17), 64, 12}};
}  // namespace

TEST_SUITE("row_spans") {
    TEST_CASE("spans cover every segment once, in order, at tile borders") {
        for (const Case& c : cases)
            for (const EmptySegments empty : {EmptySegments::skip, EmptySegments::keep}) {
                const std::vector<int64_t> offsets = test::offsets_of(c.lengths);
                const RowSpans cut = cut_into_spans(offsets.data(), int64_t(c.lengths.size()), c.tile_rows, c.blocks, empty);
                size_t next = 0;
                for (size_t segment = 0; segment < c.lengths.size(); segment++) {
                    if (c.lengths[segment] == 0 && empty == EmptySegments::skip) continue;
                    int64_t row = offsets[segment];
                    int split = 0;
                    do {
                        REQUIRE(next < cut.spans.size());
                        const RowSpan& span = cut.spans[next++];
                        CHECK(span.segment == int32_t(segment));
                        CHECK(span.first_row == row);
                        CHECK((row - offsets[segment]) % c.tile_rows == 0);
                        CHECK(span.split == split++);
                        row += span.rows;
                    } while (row < offsets[segment + 1]);
                    CHECK(row == offsets[segment + 1]);
                    CHECK(cut.spans[next - 1].splits == split);
                }
                CHECK(next == cut.spans.size());
            }
    }

    TEST_CASE("no two merges share a partial result or a ticket, and there are few of both") {
        for (const Case& c : cases) {
            const std::vector<int64_t> offsets = test::offsets_of(c.lengths);
            const RowSpans cut = cut_into_spans(offsets.data(), int64_t(c.lengths.size()), c.tile_rows, c.blocks, EmptySegments::keep);
            int partials = 0, tickets = 0;
            for (const RowSpan& span : cut.spans) {
                if (span.splits == 1) continue;
                CHECK(span.first_partial == partials);
                CHECK(span.first_ticket == tickets);
                CHECK(span.group_size * span.group_size >= span.splits);
                if (span.split + 1 < span.splits) continue;
                partials += span.splits;
                tickets += (span.splits + span.group_size - 1) / span.group_size + 1;
            }
            CHECK(cut.partials == partials);
            CHECK(cut.tickets == tickets);
            CHECK(cut.partials <= 2 * c.blocks);
            CHECK(int64_t(cut.block_spans.size()) <= c.blocks + 1);
        }
    }
}
