// Summary rows to bytes and back as the specification says, in fp32 and to the bit.
#pragma once
#include <algorithm>
#include "support/elements.h"

namespace lsk::test {

struct Encoded {
    std::vector<std::byte> codes;
    std::vector<float> scales;
};

inline size_t row_bytes(lsk_encoding encoding, int width) {
    return encoding == LSK_ENCODING_FLOAT16 ? 2 * size_t(width) : encoding == LSK_ENCODING_INT8 ? size_t(width) : (size_t(width) + 1) / 2;
}

inline Encoded encode(lsk_encoding encoding, int64_t rows, int width, const std::vector<double>& values) {
    Encoded e{std::vector<std::byte>(size_t(rows) * row_bytes(encoding, width)), std::vector<float>(size_t(rows), 1.0f)};
    for (int64_t row = 0; row < rows; row++) {
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

inline std::vector<double> decode(lsk_encoding encoding, int64_t rows, int width, const Encoded& e) {
    std::vector<double> values;
    for (int64_t row = 0; row < rows; row++) {
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

}  // namespace lsk::test
