// From a code address to the source line of the kernel, for messages and the access report.
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

static std::string innermost_kernel_line(FILE* frames) {
    std::string innermost = "?";
    char line[4096];
    while (fgets(line, sizeof line, frames)) {
        std::string file(line);
        file.resize(file.find_first_of(" \n"));
        const size_t slash = file.rfind('/');
        if (slash != std::string::npos) file.erase(0, slash + 1);
        if (innermost == "?") innermost = file;
        if (!is_wrapper(file)) return file;
    }
    return innermost;
}

static std::string look_up(const void* address) {
    Dl_info info;
    if (!dladdr(address, &info)) return "?";
    const auto offset = static_cast<const char*>(address) - 1 - static_cast<const char*>(info.dli_fbase);
    char command[4200];
    snprintf(command, sizeof command, "addr2line -i -e '%s' 0x%zx 2>/dev/null", info.dli_fname, size_t(offset));
    FILE* frames = popen(command, "r");
    if (!frames) return "?";
    const std::string line = innermost_kernel_line(frames);
    pclose(frames);
    return line;
}

std::string symbolize(const void* address) {
    static std::mutex mutex;
    static std::map<const void*, std::string> known;
    std::lock_guard<std::mutex> guard(mutex);
    const auto it = known.find(address);
    if (it != known.end()) return it->second;
    return known[address] = look_up(address);
}

}  // namespace emu
