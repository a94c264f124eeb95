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

    TEST_CASE("cuBLASLt pays for large products of half-width types where it has other instructions, and for fp32 where tensor cores are slow") {
        const lsk::Chip hopper{90, 132, 232448}, ada{89, 142, 101376}, ampere{80, 108, 166912};
        const auto pays = [](const lsk::Chip& chip, int64_t n, int element_bytes) {
            const lsk::ProductLayout layout = lsk::product_layout(n, n, n, element_bytes == 4 ? 64 : 128, 128, element_bytes == 4 ? 32 : 64, chip.multiprocessors);
            return lsk::product_costs(chip, layout, n, n, n, element_bytes).cublaslt_pays();
        };
        CHECK(pays(hopper, 8192, 2));
        CHECK(!pays(hopper, 256, 2));   // too short for its start
        CHECK(!pays(hopper, 8192, 4));  // three TF32 products are faster than the ordinary units
        CHECK(!pays(ampere, 8192, 4));
        CHECK(pays(ada, 8192, 4));
    }

    TEST_CASE("a gated FFN's blocks of rows are whole tiles, no more than the rows need, and bounded for wide hidden rows") {
        CHECK(lsk::gated_ffn_block_rows(0, 256, 128, 128, 132) == 128);
        CHECK(lsk::gated_ffn_block_rows(129, 256, 128, 128, 132) == 256);
        CHECK(lsk::gated_ffn_block_rows(1000000, 256, 128, 128, 132) == 264 * 128);
        CHECK(lsk::gated_ffn_block_rows(1000000, 1 << 24, 128, 128, 132) == 128);
    }
}
