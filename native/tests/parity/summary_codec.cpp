#include "support/compare.h"
#include "support/device.h"
#include "support/samples.h"

using namespace lsk::test;

namespace {
struct Encoded {
    std::vector<std::byte> codes;
    std::vector<float> scales;
};

size_t row_bytes(lsk_encoding encoding, int width) {
    return encoding == LSK_ENCODING_FLOAT16 ? 2 * size_t(width) : encoding == LSK_ENCODING_INT8 ? size_t(width) : (size_t(width) + 1) / 2;
}

// The specification, in fp32 and to the bit.
Encoded encode(lsk_encoding encoding, int rows, int width, const std::vector<double>& values) {
    Encoded e{std::vector<std::byte>(size_t(rows) * row_bytes(encoding, width)), std::vector<float>(size_t(rows), 1.0f)};
    for (int row = 0; row < rows; row++) {
        std::byte* codes = e.codes.data() + size_t(row) * row_bytes(encoding, width);
        const int largest_code = encoding == LSK_ENCODING_INT8 ? 127 : 7;
        float largest = 0;
        for (int i = 0; i < width; i++) largest = std::max(largest, std::abs(float(values[size_t(row) * width + i])));
        const float scale = largest / float(largest_code);
        if (encoding != LSK_ENCODING_FLOAT16) e.scales[size_t(row)] = scale;
        for (int i = 0; i < width; i++) {
            const float value = float(values[size_t(row) * width + i]);
            if (encoding == LSK_ENCODING_FLOAT16) {
                store(codes + 2 * i, LSK_FLOAT16, value);
                continue;
            }
            const int code = scale == 0 ? 0 : int(std::clamp(std::nearbyint(value / scale), -float(largest_code), float(largest_code)));
            if (encoding == LSK_ENCODING_INT8)
                codes[i] = static_cast<std::byte>(code);
            else
                codes[i / 2] |= static_cast<std::byte>((code & 15) << (i % 2 * 4));
        }
    }
    return e;
}

std::vector<double> decode(lsk_encoding encoding, int rows, int width, const Encoded& e) {
    std::vector<double> values;
    for (int row = 0; row < rows; row++) {
        const std::byte* codes = e.codes.data() + size_t(row) * row_bytes(encoding, width);
        for (int i = 0; i < width; i++) {
            const int nibble = int(codes[encoding == LSK_ENCODING_INT4 ? i / 2 : 0]) >> (i % 2 * 4) & 15;
            const float scale = e.scales[size_t(row)];
            values.push_back(encoding == LSK_ENCODING_FLOAT16 ? load(codes + 2 * i, LSK_FLOAT16)
                             : encoding == LSK_ENCODING_INT8  ? float(static_cast<int8_t>(codes[i])) * scale
                                                              : float((nibble ^ 8) - 8) * scale);
        }
    }
    return values;
}

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
