// Settings from the environment.
#include <cstdlib>
#include "state.h"

namespace emu {

static const char* text(const char* name) {
    const char* value = getenv(name);
    return value && *value ? value : nullptr;
}

static int64_t number(const char* name, int64_t fallback) {
    const char* value = text(name);
    return value ? strtoll(value, nullptr, 0) : fallback;
}

template <class Enum>
static Enum choice(const char* name, std::initializer_list<std::pair<const char*, Enum>> choices, Enum fallback) {
    const char* value = text(name);
    if (!value) return fallback;
    for (const auto& [word, meaning] : choices)
        if (!strcmp(value, word)) return meaning;
    fprintf(stderr, "emu: %s=%s is not a choice\n", name, value);
    abort();
}

static Config from_environment() {
    Config c;
#ifdef EMU_RACE_BUILD
    c.race_check = true;
#endif
    c.schedule = choice("EMU_SCHEDULE",
                        {{"inorder", Schedule::inorder}, {"reverse", Schedule::reverse}, {"random", Schedule::random}, {"priority", Schedule::priority}},
                        c.schedule);
    c.landing = choice("EMU_LANDING", {{"early", Landing::early}, {"random", Landing::random}, {"late", Landing::late}}, c.landing);
    c.seed = uint64_t(number("EMU_SEED", int64_t(c.seed)));
    c.workers = int(number("EMU_WORKERS", c.workers));
    c.race_check = number("EMU_RACECHECK", c.race_check);
    c.statistics = number("EMU_STATS", c.statistics);
    c.lazy_streams = number("EMU_LAZY_STREAMS", c.lazy_streams);
    c.quiet = number("EMU_QUIET", c.quiet);
    c.compute_capability = int(number("EMU_SM", c.compute_capability));
    c.multiprocessors = int(number("EMU_MULTIPROCESSORS", c.multiprocessors));
    c.device_count = int(number("EMU_DEVICE_COUNT", c.device_count));
    c.no_driver = number("EMU_NO_DRIVER", c.no_driver);
    c.driver_version = int(number("EMU_DRIVER_VERSION", c.driver_version));
    c.fail_malloc_after = number("EMU_FAIL_MALLOC_AFTER", c.fail_malloc_after);
    c.watchdog_seconds = double(number("EMU_WATCHDOG", int64_t(c.watchdog_seconds)));
    c.spin_limit = uint64_t(number("EMU_SPIN_LIMIT", int64_t(c.spin_limit)));
    return c;
}

Config& config() {
    static Config instance = from_environment();
    return instance;
}

}  // namespace emu
