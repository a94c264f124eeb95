// The device side of a test: one context and stream, and tensors whose surroundings are NaN and must stay untouched.
#pragma once
#include <doctest/doctest.h>
#include <span>
#include <string>
#include "support/elements.h"

namespace lsk::test {

inline void succeed(lsk_status status) {
    if (status == LSK_OK) return;
    const std::string text = lsk_last_error();
    FAIL("status " << static_cast<int>(status) << ": " << text);
}

struct Device {
    lsk_context* context = nullptr;
    lsk_stream* stream = nullptr;

    Device() {
        succeed(lsk_context_create(0, &context));
        succeed(lsk_stream_create(context, &stream));
    }
    ~Device() {
        lsk_stream_destroy(stream);
        lsk_context_destroy(context);
    }
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    void synchronize() const { succeed(lsk_stream_synchronize(stream)); }
};

struct Plan {
    lsk_plan* handle = nullptr;
    ~Plan() { lsk_plan_destroy(handle); }
    Plan() = default;
    Plan(const Plan&) = delete;
    Plan& operator=(const Plan&) = delete;

    int64_t workspace_bytes(lsk_direction direction) const {
        int64_t bytes = 0;
        succeed(lsk_plan_workspace_bytes(handle, direction, &bytes));
        return bytes;
    }
    std::string explain() const {
        const char* text = nullptr;
        succeed(lsk_plan_explain(handle, &text));
        return text;
    }
};

struct Workspace {
    lsk_buffer* buffer = nullptr;
    Workspace(const Device& device, const Plan& plan, lsk_direction direction) {
        if (const int64_t bytes = plan.workspace_bytes(direction)) succeed(lsk_buffer_create(device.context, LSK_MEMORY_WORKSPACE, bytes, &buffer));
    }
    ~Workspace() { lsk_buffer_destroy(buffer); }
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;
};

// Device memory of exactly the given bytes between two guards. All of it starts as 0xFF: NaN in every floating-point type.
class DeviceBytes {
public:
    DeviceBytes(const Device& device, size_t bytes) : device_(device), bytes_(bytes), shadow_(bytes + 2 * guard_bytes, std::byte{0xff}) {
        succeed(lsk_buffer_create(device.context, LSK_MEMORY_DEVICE, static_cast<int64_t>(shadow_.size()), &buffer_));
        void* pointer = nullptr;
        succeed(lsk_buffer_pointer(buffer_, &pointer));
        start_ = static_cast<std::byte*>(pointer);
        succeed(lsk_copy(device.stream, start_, shadow_.data(), static_cast<int64_t>(shadow_.size()), LSK_HOST_TO_DEVICE));
        device.synchronize();
    }
    ~DeviceBytes() { lsk_buffer_destroy(buffer_); }
    DeviceBytes(const DeviceBytes&) = delete;
    DeviceBytes& operator=(const DeviceBytes&) = delete;

    std::byte* pointer() const { return start_ + guard_bytes; }

    void write(std::span<const std::byte> host) {
        REQUIRE(host.size() == bytes_);
        if (bytes_ == 0) return;
        succeed(lsk_copy(device_.stream, pointer(), host.data(), static_cast<int64_t>(bytes_), LSK_HOST_TO_DEVICE));
        device_.synchronize();
    }

    // Waits for the stream, checks the guards, returns the contents.
    std::vector<std::byte> read() {
        device_.synchronize();
        succeed(lsk_copy(device_.stream, shadow_.data(), start_, static_cast<int64_t>(shadow_.size()), LSK_DEVICE_TO_HOST));
        device_.synchronize();
        for (size_t i = 0; i < guard_bytes; i++) {
            if (shadow_[i] != std::byte{0xff}) FAIL("byte -" << guard_bytes - i << " before a tensor was overwritten");
            if (shadow_[guard_bytes + bytes_ + i] != std::byte{0xff}) FAIL("byte " << bytes_ + i << " of a tensor of " << bytes_ << " was overwritten");
        }
        return {shadow_.begin() + guard_bytes, shadow_.begin() + guard_bytes + static_cast<std::ptrdiff_t>(bytes_)};
    }

private:
    static constexpr size_t guard_bytes = 1024;
    const Device& device_;
    size_t bytes_;
    std::vector<std::byte> shadow_;
    lsk_buffer* buffer_ = nullptr;
    std::byte* start_ = nullptr;
};

// A tensor of a storage type, seen from the host as doubles.
class Tensor {
public:
    // Poisoned, for outputs.
    Tensor(const Device& device, lsk_dtype dtype, size_t elements) : dtype_(dtype), elements_(elements), bytes_(device, elements * element_bytes(dtype)) {}

    Tensor(const Device& device, lsk_dtype dtype, const std::vector<double>& values) : Tensor(device, dtype, values.size()) {
        std::vector<std::byte> host(elements_ * element_bytes(dtype));
        for (size_t i = 0; i < elements_; i++) store(host.data() + i * element_bytes(dtype), dtype, values[i]);
        bytes_.write(host);
    }

    void* pointer() const { return bytes_.pointer(); }
    float* floats() const { return reinterpret_cast<float*>(bytes_.pointer()); }
    std::vector<std::byte> raw() { return bytes_.read(); }

    std::vector<double> values() {
        const std::vector<std::byte> host = bytes_.read();
        std::vector<double> values(elements_);
        for (size_t i = 0; i < elements_; i++) values[i] = load(host.data() + i * element_bytes(dtype_), dtype_);
        return values;
    }

private:
    lsk_dtype dtype_;
    size_t elements_;
    DeviceBytes bytes_;
};

}  // namespace lsk::test
