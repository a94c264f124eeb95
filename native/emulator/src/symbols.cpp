// From a code address to the source line of the kernel, for messages and the access report.
#include <algorithm>
#include <cstdio>
#include <dlfcn.h>
#include <mutex>
#include "state.h"

namespace emu {

// Wrappers and the standard library are skipped: the innermost frame that is kernel source is wanted.
static bool is_wrapper(const std::string& file) {
    return file.starts_with("ptx") || file.starts_with("cuda_runtime") || file.starts_with("conversions.") || file.starts_with("storage_types.") ||
           file.find("stl_") != std::string::npos;
}

static std::string file_and_line(std::string frame) {
    frame.resize(frame.find_first_of(" \n"));
    return frame.substr(frame.rfind('/') + 1);
}

// The frames of one address, innermost first.
static std::string kernel_line(const std::vector<std::string>& frames) {
    for (const std::string& frame : frames)
        if (!is_wrapper(frame)) return frame;
    return frames.empty() ? "?" : frames[0];
}

struct Known {
    std::mutex mutex;
    std::map<const void*, std::string> lines;
};
static Known& known() {
    static auto* const instance = new Known;
    return *instance;
}

// One call of addr2line for all addresses of one object file: starting it costs more than looking up.
static void look_up(const std::string& object, const char* base, const std::vector<const void*>& addresses) {
    std::string command = "addr2line -i -a -e '";
    command.append(object).append("'");
    char text[40];
    for (const void* address : addresses) {
        snprintf(text, sizeof text, " 0x%zx", size_t(static_cast<const char*>(address) - 1 - base));
        command += text;
    }
    FILE* output = popen((command + " 2>/dev/null").c_str(), "r");
    if (!output) return;
    std::vector<std::string> frames;
    size_t next = 0;                           // addresses whose heading has been read
    const auto finish = [&] {
        if (next) known().lines[addresses[next - 1]] = kernel_line(frames);
        frames.clear();
    };
    char line[4096];
    while (fgets(line, sizeof line, output)) {
        if (line[0] == '0' && line[1] == 'x') {
            finish();
            next++;
        } else {
            frames.push_back(file_and_line(line));
        }
    }
    finish();
    pclose(output);
}

void symbolize_all(const std::vector<const void*>& addresses) {
    std::lock_guard<std::mutex> guard(known().mutex);
    std::map<std::pair<std::string, const char*>, std::vector<const void*>> by_object;
    for (const void* address : addresses) {
        Dl_info info;
        if (known().lines.contains(address)) continue;
        known().lines[address] = "?";
        if (dladdr(address, &info)) by_object[{info.dli_fname, static_cast<const char*>(info.dli_fbase)}].push_back(address);
    }
    constexpr size_t batch = 500;              // what fits a command line
    for (const auto& [object, wanted] : by_object)
        for (size_t first = 0; first < wanted.size(); first += batch)
            look_up(object.first, object.second, {wanted.begin() + ptrdiff_t(first), wanted.begin() + ptrdiff_t(std::min(wanted.size(), first + batch))});
}

std::string symbolize(const void* address) {
    symbolize_all({address});
    std::lock_guard<std::mutex> guard(known().mutex);
    return known().lines[address];
}

}  // namespace emu
