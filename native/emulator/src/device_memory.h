// Allocations of device memory.
#pragma once
#include <cstddef>

namespace emu {

struct DeviceRange {
    char* start = nullptr;
    size_t bytes = 0;                          // what was asked for
    void* shadow = nullptr;                    // of the race checker
    size_t shadow_bytes = 0;
};

DeviceRange* device_range(const void*);        // nullptr: not device memory
void check_guards();                           // a fault if a kernel or a copy wrote around an allocation

}  // namespace emu
