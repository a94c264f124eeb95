#include "support/compare.h"
#include "support/device.h"
#include "support/samples.h"

using namespace lsk::test;

namespace {
struct Buckets {
    int buckets;
    double unit;
    int per_octave;

    // As the contract has it.
    int of(int64_t gap) const {
        return gap <= 0 ? 0 : static_cast<int>(std::min<double>(buckets - 1, 1 + std::floor(per_octave * std::log2(1 + double(gap) / unit))));
    }
};

struct Case {
    std::vector<int64_t> lengths;
    int width;
    Buckets buckets;
};

// The last one's table of sums exceeds shared memory.
const Case cases[] = {{{}, 8, {4, 60, 2}},        {{0}, 8, {4, 60, 2}},          {{1}, 1, {2, 60, 1}},       {{65, 0, 1, 130}, 20, {16, 60, 2}},
                      {{31, 33, 2500}, 64, {16, 60, 2}}, {{0, 0, 90}, 100, {64, 3600, 5}}, {{40, 3}, 33, {1000, 1, 50}}};

struct Data {
    std::vector<int64_t> offsets, request_times, event_times, segment_of;
    std::vector<double> table, rows, gradient;

    Data(const Case& c, lsk_dtype dtype) : offsets(offsets_of(c.lengths)) {
        std::mt19937_64 generator(7);
        for (size_t segment = 0; segment < c.lengths.size(); segment++) {
            request_times.push_back(int64_t(generator() % 1000000));
            for (int64_t i = 0; i < c.lengths[segment]; i++) {
                segment_of.push_back(int64_t(segment));
                event_times.push_back(request_times.back() + 100 - int64_t(generator() >> (24 + generator() % 39)));
            }
        }
        table = rounded(normal(size_t(c.buckets.buckets) * c.width, 1), dtype);
        rows = rounded(normal(segment_of.size() * c.width, 2), dtype);
        gradient = rounded(normal(segment_of.size() * c.width, 3), dtype);
    }
    int64_t gap(size_t row) const { return request_times[size_t(segment_of[row])] - event_times[row]; }
};

struct Times {
    DeviceBytes bytes;
    Times(const Device& device, const std::vector<int64_t>& times) : bytes(device, times.size() * 8) { bytes.write(std::as_bytes(std::span(times))); }
    const int64_t* pointer() const { return reinterpret_cast<const int64_t*>(bytes.pointer()); }
};
}  // namespace

TEST_SUITE("time_embedding") {
    TEST_CASE("rows get the embedding of their gap, and the table the sum of its rows' gradients") {
        const Device device;
        for (const lsk_dtype dtype : all_dtypes)
            for (const Case& c : cases) {
                CAPTURE(dtype);
                CAPTURE(c.width);
                const Data d(c, dtype);
                std::vector<double> expected_rows = d.rows, expected_table(d.table.size());
                for (size_t row = 0; row < d.segment_of.size(); row++) {
                    const size_t bucket = size_t(c.buckets.of(d.gap(row)));
                    for (size_t i = 0; i < size_t(c.width); i++) {
                        expected_rows[row * c.width + i] += d.table[bucket * c.width + i];
                        expected_table[bucket * c.width + i] += d.gradient[row * c.width + i];
                    }
                }
                const lsk_time_embedding_shape shape{sizeof shape,          dtype, c.width, c.buckets.buckets, c.buckets.unit, c.buckets.per_octave, 0,
                                                     int64_t(c.lengths.size()), d.offsets.data()};
                Plan plan;
                succeed(lsk_time_embedding_plan(device.context, &shape, &plan.handle));
                const Workspace workspace(device, plan, LSK_BACKWARD);
                const Times requests(device, d.request_times), events(device, d.event_times);
                const Tensor table(device, dtype, d.table), gradient(device, dtype, d.gradient);
                Tensor rows(device, dtype, d.rows), table_gradient(device, dtype, d.table.size());
                lsk_time_embedding_tensors tensors{sizeof tensors, requests.pointer(), events.pointer(), table.pointer(), rows.pointer(), nullptr, nullptr};
                succeed(lsk_time_embedding_forward(plan.handle, &tensors, nullptr, device.stream));
                check_close("rows", rows.values(), expected_rows, dtype, 1.1);
                tensors = {sizeof tensors, requests.pointer(), events.pointer(), nullptr, nullptr, gradient.pointer(), table_gradient.pointer()};
                succeed(lsk_time_embedding_backward(plan.handle, &tensors, workspace.buffer, device.stream));
                check_close("table_gradient", table_gradient.values(), expected_table, dtype, dtype == LSK_FLOAT32 ? 32 : 1.1);
                const std::vector<std::byte> first = table_gradient.raw();
                succeed(lsk_time_embedding_backward(plan.handle, &tensors, workspace.buffer, device.stream));
                CHECK(first == table_gradient.raw());
            }
    }

    TEST_CASE("gaps around every boundary fall into the documented bucket") {
        const Device device;
        for (const int per_octave : {1, 2, 5})
            for (const double unit : {1.0, 60.0, 86400.5, 1e-3}) {
                const Buckets buckets{200, unit, per_octave};
                std::vector<int64_t> gaps{INT64_MIN, INT64_MIN / 4, -1, 0, 1, INT64_MAX / 4, INT64_MAX};
                for (int b = 0; b < 200; b++) {
                    const double boundary = unit * (std::pow(2.0, double(b) / per_octave) - 1);
                    for (int64_t near = -2; near <= 2; near++)
                        if (boundary < 9e18) gaps.push_back(int64_t(boundary) + near);
                }
                std::vector<double> numbers(200), expected;
                for (size_t b = 0; b < numbers.size(); b++) numbers[b] = double(b);
                std::vector<int64_t> event_times;
                for (const int64_t gap : gaps) {
                    event_times.push_back(static_cast<int64_t>(1000 - static_cast<uint64_t>(gap)));
                    expected.push_back(buckets.of(gap));
                }
                const std::vector<int64_t> offsets{0, int64_t(gaps.size())};
                const lsk_time_embedding_shape shape{sizeof shape, LSK_FLOAT32, 1, 200, unit, per_octave, 0, 1, offsets.data()};
                Plan plan;
                succeed(lsk_time_embedding_plan(device.context, &shape, &plan.handle));
                const Times requests(device, {1000}), events(device, event_times);
                const Tensor table(device, LSK_FLOAT32, numbers);
                Tensor rows(device, LSK_FLOAT32, std::vector<double>(gaps.size()));
                const lsk_time_embedding_tensors tensors{sizeof tensors, requests.pointer(), events.pointer(), table.pointer(), rows.pointer(), nullptr, nullptr};
                succeed(lsk_time_embedding_forward(plan.handle, &tensors, nullptr, device.stream));
                CHECK(rows.values() == expected);
            }
    }
}
