// How memory is accessed, per source line: shared-memory wavefronts and 32-byte global sectors against the least possible.
#include <algorithm>
#include <mutex>
#include <tuple>
#include "state.h"

namespace emu {

namespace {

struct Line {
    uint64_t requests = 0;
    uint64_t bytes = 0;
    uint64_t cost = 0;
    uint64_t ideal = 0;
};
struct LineKey {
    const void* where;
    bool shared;
    bool write;
    auto operator<=>(const LineKey&) const = default;
};

std::mutex mutex;
std::map<LineKey, Line> lines;

uint32_t distinct(uint64_t* values, uint32_t count) {
    std::sort(values, values + count);
    return uint32_t(std::unique(values, values + count) - values);
}

uint32_t sectors(const uint64_t* address, const uint32_t* size, int lanes, uint32_t* ideal) {
    uint64_t touched[32 * 2];
    uint32_t count = 0;
    uint64_t bytes = 0;
    for (int i = 0; i < lanes; i++) {
        bytes += size[i];
        for (uint64_t sector = address[i] / 32; sector <= (address[i] + size[i] - 1) / 32; sector++) touched[count++] = sector;
    }
    count = distinct(touched, count);
    *ideal = std::min(uint32_t((bytes + 31) / 32), count);
    return count;
}

}  // namespace

// 32 banks of 4 bytes. 8-byte accesses are served per half warp, 16-byte ones per quarter.
uint32_t bank_wavefronts(const uint64_t* address, const uint32_t* size, int lanes, uint32_t* ideal) {
    uint32_t widest = 4;
    for (int i = 0; i < lanes; i++) widest = std::max(widest, size[i]);
    const int served = widest >= 16 ? 8 : widest >= 8 ? 16 : 32;
    uint32_t total = 0;
    *ideal = 0;
    for (int first = 0; first < lanes; first += served) {
        uint64_t words[32 * 5];
        uint32_t count = 0;
        for (int i = first; i < std::min(lanes, first + served); i++)
            for (uint64_t word = address[i] / 4; word <= (address[i] + size[i] - 1) / 4; word++) words[count++] = word;
        count = distinct(words, count);
        uint32_t bank[32] = {};
        uint32_t worst = 0;
        for (uint32_t i = 0; i < count; i++) worst = std::max(worst, ++bank[words[i] % 32]);
        total += worst;
        *ideal += (count + 31) / 32;
    }
    return total;
}

void log_request(const void* where, bool shared, bool write, const uint64_t* address, const uint32_t* size, int lanes) {
    if (!config().statistics) return;
    uint32_t ideal;
    const uint32_t cost = shared ? bank_wavefronts(address, size, lanes, &ideal) : sectors(address, size, lanes, &ideal);
    std::lock_guard<std::mutex> guard(mutex);
    Line& line = lines[{where, shared, write}];
    line.requests++;
    line.cost += cost;
    line.ideal += ideal;
    for (int i = 0; i < lanes; i++) line.bytes += size[i];
}

void log_access(Fiber& fiber, const void* where, uint64_t address, uint32_t size, bool write, bool shared) {
    if (config().statistics && size <= 16) fiber.log.push_back({where, address, size, write, shared});
}

// Lanes run one after another; the n-th time each of them passes an instruction is taken as one request.
void flush_log(Warp& warp) {
    if (!config().statistics) return;
    using Key = std::tuple<const void*, bool, bool, uint32_t>;
    struct Request {
        int lanes = 0;
        uint64_t address[32];
        uint32_t size[32];
    };
    std::map<Key, Request> requests;
    for (Fiber* fiber : warp.lanes) {
        if (!fiber) continue;
        std::map<std::tuple<const void*, bool, bool>, uint32_t> passes;
        for (const Access& access : fiber->log) {
            const uint32_t pass = passes[{access.where, access.shared, access.write}]++;
            Request& request = requests[{access.where, access.shared, access.write, pass}];
            request.address[request.lanes] = access.address;
            request.size[request.lanes++] = access.size;
        }
        fiber->log.clear();
    }
    for (const auto& [key, request] : requests)
        log_request(std::get<0>(key), std::get<1>(key), std::get<2>(key), request.address, request.size, request.lanes);
}

std::vector<ReportRow> report_rows() {
    std::lock_guard<std::mutex> guard(mutex);
    std::map<std::tuple<std::string, bool, bool>, ReportRow> merged;
    std::vector<const void*> places;
    for (const auto& [key, line] : lines) places.push_back(key.where);
    symbolize_all(places);
    for (const auto& [key, line] : lines) {
        const std::string where = symbolize(key.where);
        ReportRow& row = merged[{where, key.shared, key.write}];
        row.where = where;
        row.shared = key.shared;
        row.write = key.write;
        row.requests += line.requests;
        row.bytes += line.bytes;
        row.cost += line.cost;
        row.ideal += line.ideal;
    }
    std::vector<ReportRow> rows;
    for (auto& [key, row] : merged) rows.push_back(std::move(row));
    return rows;
}

std::string report() {
    std::string text = "source line                      access        requests      MB   cost/request  ideal  excess\n";
    for (const ReportRow& row : report_rows()) {
        char line[300];
        snprintf(line, sizeof line, "%-32s %-12s %9llu %7.2f  %6.2f %-9s %5.2f  %5.2fx\n", row.where.c_str(), row.access().c_str(),
                 static_cast<unsigned long long>(row.requests), double(row.bytes) / 1e6, double(row.cost) / double(row.requests),
                 row.shared ? "wavefronts" : "sectors", double(row.ideal) / double(row.requests), row.excess());
        text += line;
    }
    return text;
}

void reset_report() {
    std::lock_guard<std::mutex> guard(mutex);
    lines.clear();
}

}  // namespace emu
