#include "plan/linear.h"

#include <doctest/doctest.h>
#include "plan/gated_ffn.h"

TEST_SUITE("linear") {
    TEST_CASE("splits cover the depth, none is empty, and only products with few tiles have any") {
        for (const int64_t rows : {1, 64, 300, 5000})
            for (const int64_t columns : {1, 128, 1000})
                for (const int64_t depth : {0, 1, 64, 65, 1000, 1000000}) {
                    const lsk::ProductLayout layout = lsk::product_layout(rows, columns, depth, 128, 128, 64, 132);
                    CAPTURE(rows);
                    CAPTURE(columns);
                    CAPTURE(depth);
                    CHECK(layout.splits >= 1);
                    CHECK(layout.depth_per_split % 64 == 0);
                    CHECK(int64_t(layout.splits) * layout.depth_per_split >= depth);
                    CHECK((layout.splits == 1 || int64_t(layout.splits - 1) * layout.depth_per_split < depth));
                    CHECK(layout.splits * layout.tiles <= std::max<int64_t>(132, layout.tiles));
                    CHECK(layout.partials_bytes == (layout.splits > 1 ? layout.splits * rows * columns * 4 : 0));
                }
    }

    TEST_CASE("a weight gradient of a long history fills the device") {
        const lsk::ProductLayout layout = lsk::product_layout(128, 256, 1000000, 128, 128, 64, 132);
        CHECK(layout.tiles == 2);
        CHECK(layout.splits == 66);
    }

    TEST_CASE("a gated FFN's blocks of rows are whole tiles, no more than the rows need, and bounded for wide hidden rows") {
        CHECK(lsk::gated_ffn_block_rows(0, 256, 128, 128, 132) == 128);
        CHECK(lsk::gated_ffn_block_rows(129, 256, 128, 128, 132) == 256);
        CHECK(lsk::gated_ffn_block_rows(1000000, 256, 128, 128, 132) == 264 * 128);
        CHECK(lsk::gated_ffn_block_rows(1000000, 1 << 24, 128, 128, 132) == 128);
    }
}
