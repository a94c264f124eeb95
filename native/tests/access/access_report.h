// How kernels touch memory, line by line: what the emulator counts while a test runs, against the table of known exceptions.
#pragma once
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>
#include "emu.h"

namespace lsk::test {

// One line of exceptions.tsv: a source line (by the text it contains, so that edits above it do not matter) that needs more wavefronts or sectors
// than the least possible, how many times as many it may need, and why that is accepted.
struct AccessException {
    std::string file;
    std::string access;
    std::string text;
    double limit;
    std::string reason;
};

// Counts from its construction on.
class AccessReport {
public:
    AccessReport() : before_(emu::config()) {
        emu::config().statistics = true;
        emu::reset_report();
        emu::reset_totals();
    }
    ~AccessReport() {
        emu::config() = before_;
        emu::reset_report();
    }
    AccessReport(const AccessReport&) = delete;
    AccessReport& operator=(const AccessReport&) = delete;

    // No line of a kernel costs more than the least possible, but for the exceptions.
    void check() const {
        const std::vector<emu::ReportRow> rows = emu::report_rows();
        REQUIRE_MESSAGE(!rows.empty(), "nothing was counted: this needs a race build");
        INFO(emu::report());
        for (const emu::ReportRow& row : rows) {
            if (row.requests < 8 || row.excess() <= 1.0) continue;    // a handful of requests is not a hot line
            const std::string text = source_line(row.where);
            const AccessException* exception = find(row, text);
            CAPTURE(row.where);
            CAPTURE(row.access());
            CAPTURE(text);
            if (exception)
                CHECK_MESSAGE(row.excess() <= exception->limit, "more than the exception allows");
            else
                CHECK_MESSAGE(row.excess() <= 1.0, "costs more than the least possible: mend it, or say in exceptions.tsv why not");
        }
    }

    // Bytes of global memory that the lines of one file read, by plain loads and by asynchronous copies.
    static uint64_t global_bytes_read(const std::string& file) { return global_bytes(file, false); }

    // And that they write.
    static uint64_t global_bytes_written(const std::string& file) { return global_bytes(file, true); }

private:
    static uint64_t global_bytes(const std::string& file, bool write) {
        uint64_t bytes = 0;
        for (const emu::ReportRow& row : emu::report_rows())
            if (!row.shared && row.write == write && row.where.starts_with(file + ":")) bytes += row.bytes;
        return bytes;
    }

    static const std::vector<AccessException>& exceptions() {
        static const std::vector<AccessException> all = [] {
            std::vector<AccessException> list;
            std::ifstream in(LSK_ACCESS_EXCEPTIONS);
            REQUIRE(in);
            for (std::string line; std::getline(in, line);) {
                if (line.empty() || line[0] == '#') continue;
                std::istringstream fields(line);
                AccessException e;
                std::string limit;
                std::getline(fields, e.file, '\t');
                std::getline(fields, e.access, '\t');
                std::getline(fields, e.text, '\t');
                std::getline(fields, limit, '\t');
                std::getline(fields, e.reason);
                e.limit = std::stod(limit);
                REQUIRE_MESSAGE(!e.reason.empty(), "an exception without a reason: ", line);
                list.push_back(e);
            }
            return list;
        }();
        return all;
    }

    static const AccessException* find(const emu::ReportRow& row, const std::string& text) {
        const std::string file = row.where.substr(0, row.where.find(':'));
        for (const AccessException& e : exceptions())
            if (e.file == file && e.access == row.access() && text.find(e.text) != std::string::npos) return &e;
        return nullptr;
    }

    // The text of "file.cuh:line".
    static std::string source_line(const std::string& where) {
        const size_t colon = where.find(':');
        if (colon == std::string::npos) return "";
        for (const auto& entry : std::filesystem::recursive_directory_iterator(LSK_SOURCES)) {
            if (entry.path().filename() != where.substr(0, colon)) continue;
            std::ifstream in(entry.path());
            std::string line;
            for (int number = std::stoi(where.substr(colon + 1)); number > 0; number--) std::getline(in, line);
            return line;
        }
        return "";
    }

    emu::Config before_;
};

}  // namespace lsk::test
