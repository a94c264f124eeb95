#include "support/compare.h"
#include "support/device.h"
#include "support/samples.h"
#include "support/summary_codec_twin.h"

using namespace lsk::test;

namespace {
struct Case {
    int rows, width;
};
constexpr Case cases[] = {{0, 8}, {1, 1}, {3, 7}, {9, 8}, {5, 20}, {64, 64}, {3, 126}, {130, 16}, {2, 1024}};
}  // namespace

TEST_SUITE("summary_codec") {
    TEST_CASE("codes, scales and decoded values are those of the specification to the bit") {
        const Device device;
        for (const lsk_encoding encoding : {LSK_ENCODING_FLOAT16, LSK_ENCODING_INT8, LSK_ENCODING_INT4})
            for (const Case& c : cases) {
                CAPTURE(encoding);
                CAPTURE(c.rows);
                CAPTURE(c.width);
                std::vector<double> values = rounded(normal(size_t(c.rows) * c.width, 1), LSK_FLOAT32);
                for (int i = 0; i < c.width && c.rows > 2; i++) {
                    values[size_t(i)] = 0;                                          // a zero row
                    values[size_t(c.width) + i] = 1e-45 * (i % 3);                  // one whose scale rounds to 0
                    values[2 * size_t(c.width) + i] = i == 0 ? 127 : i % 40 + 0.5;  // one of ties
                }
                const Encoded expected = encode(encoding, c.rows, c.width, values);
                const lsk_summary_codec_shape shape{sizeof shape, encoding, c.rows, c.width};
                Plan plan;
                succeed(lsk_summary_codec_plan(device.context, &shape, &plan.handle));
                Tensor input(device, LSK_FLOAT32, values), scales(device, LSK_FLOAT32, size_t(c.rows)), output(device, LSK_FLOAT32, values.size());
                DeviceBytes codes(device, expected.codes.size());
                lsk_summary_codec_tensors tensors{sizeof tensors, input.floats(), codes.pointer(), scales.floats()};
                succeed(lsk_summary_codec_encode(plan.handle, &tensors, nullptr, device.stream));
                CHECK(codes.read() == expected.codes);
                CHECK(scales.values() == std::vector<double>(expected.scales.begin(), expected.scales.end()));
                tensors.values = output.floats();
                succeed(lsk_summary_codec_decode(plan.handle, &tensors, nullptr, device.stream));
                CHECK(output.values() == decode(encoding, c.rows, c.width, expected));
            }
    }
}
