// Errors of a kernel: the first one is kept and ends the launch, as on the device.
#include <cstdarg>
#include <cstdio>
#include <mutex>
#include <set>
#include "state.h"

namespace emu {

static std::mutex error_mutex;
static std::string error_text;

std::string last_error() {
    std::lock_guard<std::mutex> guard(error_mutex);
    return error_text;
}

void clear_error() {
    std::lock_guard<std::mutex> guard(error_mutex);
    error_text.clear();
}

void record_fault(const std::string& text) {
    std::lock_guard<std::mutex> guard(error_mutex);
    if (!error_text.empty()) return;
    error_text = text;
    if (!config().quiet) fprintf(stderr, "emu: %s\n", text.c_str());
}

static std::string formatted(const char* format, va_list arguments) {
    char text[1024];
    vsnprintf(text, sizeof text, format, arguments);
    return text;
}

static std::string place() {
    if (!self) return "";
    char text[256];
    snprintf(text, sizeof text, " [%s block (%u,%u,%u) thread %u]", block->cluster->launch->name, blockIdx.x, blockIdx.y, blockIdx.z, self->linear);
    return text;
}

void fault(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const std::string text = formatted(format, arguments);
    va_end(arguments);
    record_fault(text + place());
    if (!self) abort();                        // outside a kernel: a defect of the emulator itself
    block->cluster->failed = true;
    abandon();
}

// A race ends the launch like any other fault, but not before the thread's next switch: what it was doing stays well defined.
void race_fault(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const std::string text = formatted(format, arguments);
    va_end(arguments);
    Cluster& cluster = *block->cluster;
    cluster.totals.races++;
    cluster.failed = true;
    record_fault("race: " + text + place());
}

void record_standstill(Cluster& cluster, const std::string& what) {
    std::string text = what + ":";
    char line[200];
    for (Block& each : cluster.blocks) {
        std::map<std::pair<std::string, uint64_t>, std::vector<uint32_t>> groups;
        for (const Fiber& fiber : each.fibers)
            if (fiber.state == State::blocked)
                groups[{fiber.waiting_at, fiber.waiting_argument}].push_back(fiber.linear);
            else if (fiber.state == State::ready)
                groups[{"nothing: they run", 0}].push_back(fiber.linear);
        for (const auto& [where, threads] : groups) {
            snprintf(line, sizeof line, " %zu threads (%u..%u) wait for %s 0x%llx;", threads.size(), threads.front(), threads.back(),
                     where.first.c_str(), static_cast<unsigned long long>(where.second));
            text += line;
        }
        for (const MBarrier& barrier : each.mbarriers) {
            snprintf(line, sizeof line, " mbarrier 0x%x phase %u pending %u tx %lld;", barrier.address, barrier.phase, barrier.pending,
                     static_cast<long long>(barrier.transactions));
            text += line;
        }
    }
    const uint3& index = cluster.blocks[0].index;
    snprintf(line, sizeof line, " [%s block (%u,%u,%u)]", cluster.launch->name, index.x, index.y, index.z);
    record_fault(text + line);
}

}  // namespace emu
