// What the emulator knows of a running cluster, its blocks, warps and threads. Shared by the emulator's own sources, which are
// never instrumented.
#pragma once
#include <atomic>
#include <cstring>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>
#include "cuda_runtime.h"
#include "happens_before.h"

#if defined(__SANITIZE_ADDRESS__)
#define EMU_ASAN 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#else
#define EMU_ASAN 0
#endif

#define EMU_CALLER __builtin_return_address(0)

namespace emu {

constexpr uint32_t arena_bytes = 256 * 1024;  // the 18-bit shared window that a wgmma descriptor can name
constexpr uint32_t arena_reserved = 1024;     // the first KB belongs to the system since sm_80: address 0 is never valid
constexpr uint32_t max_mbarriers = 64;        // of one block
constexpr uint32_t cluster_rank_shift = 24;   // a shared::cluster address is (rank + 1) << 24 | address within that block

struct Block;
struct Cluster;
struct Warp;

struct CpAsync {
    uint32_t to;
    uint32_t bytes;
    uint32_t from_bytes;
    uint32_t group;
    const void* from;
    const void* where;
};

struct Access {                               // one logged access, for the access report
    const void* where;
    uint64_t address;
    uint32_t size;
    bool write;
    bool shared;
};

enum class State : uint8_t { ready, blocked, done };

struct Fiber {
    void* stack_pointer = nullptr;
    char* stack = nullptr;
    void* fake_stack = nullptr;               // ASan's
    uint3 thread_index{};
    uint32_t linear = 0;                      // within the block
    uint32_t lane = 0;
    uint32_t agent = 0;                       // within the cluster: index into vector clocks
    Warp* warp = nullptr;
    Block* block = nullptr;
    State state = State::ready;
    const char* waiting_at = "";
    uint64_t waiting_argument = 0;
    std::vector<CpAsync> copies;              // in flight, oldest first
    uint32_t copy_group = 0;
    uint32_t bulk_group = 0;
    bool wgmma_fenced = false;
    bool arrived_at_cluster = false;
    uint32_t cluster_phase = 0;
    ThreadClock clock;
    std::vector<Access> log;
};

struct Collective {                           // lanes of one warp meeting at one instruction
    int kind;
    uint32_t mask;
    uint32_t arrived = 0;
    void* arguments[32] = {};
};

struct Warp {
    uint32_t index = 0;
    uint32_t ready = 0;
    uint32_t alive = 0;
    uint32_t priority = 0;
    Block* block = nullptr;
    Fiber* lanes[32] = {};
    std::vector<Collective> open;
};

struct Wgmma {
    Type type;
    int n;
    bool accumulate;
    bool a_from_registers;
    Major a_major;
    Major b_major;
    uint64_t a_descriptor;
    uint64_t b_descriptor;
    uint32_t group;
    const void* where;
    float* d[128];
    uint32_t a_registers[128][4];
};

struct Warpgroup {                            // four warps meeting at a wgmma instruction
    int kind = 0;
    uint32_t arrived = 0;
    void* arguments[128] = {};
    std::deque<Wgmma> queue;
    uint32_t group = 0;
    std::map<float*, std::vector<float>> live;   // accumulator values while the registers are in flight
};

struct Barrier {
    int expected = 0;
    int arrived = 0;
    int reduction = 0;                        // __syncthreads_count
    int reduced = 0;
    std::vector<Fiber*> waiting;
    SyncClock clock;
};

struct MBarrier {
    Block* block = nullptr;
    uint32_t address = 0;
    uint32_t count = 0;
    uint32_t pending = 0;
    uint32_t phase = 0;
    int64_t transactions = 0;
    bool fenced = false;
    bool valid = true;
    std::vector<Fiber*> waiting;
    SyncClock clock;
    SyncClock completed;
    uint32_t agent = 0;                       // index into vector clocks
    Clock agent_clock = 0;
};

struct AsyncCopy {                            // a bulk copy in flight
    std::function<void()> land;
    // Only of copies out of shared memory, which belong to a bulk group of their thread:
    Fiber* owner = nullptr;
    uint32_t group = 0;
    bool was_read = false;
    bool landed = false;
    std::function<void()> read;               // takes the source
    std::function<void()> touch_source;       // tells the race checker
    std::function<void()> touch_target;
};

struct ClusterBarrier {
    uint32_t arrived = 0;
    uint32_t phase = 0;
    std::vector<Fiber*> waiting;
    SyncClock clock;
    SyncClock completed;
};

struct SharedShadow;

struct Block {
    uint3 index{};
    uint32_t rank = 0;                        // within the cluster
    Cluster* cluster = nullptr;
    std::vector<Fiber> fibers;
    std::vector<Warp> warps;
    std::vector<Warpgroup> groups;
    Barrier barriers[16];
    std::deque<MBarrier> mbarriers;
    uint32_t threads = 0;
    uint32_t live = 0;
    uint32_t dynamic_bytes = 0;
    uint32_t ready_warps = 0;
    char* arena = nullptr;
    SharedShadow* shadow = nullptr;

    char* shared(uint32_t address, uint32_t bytes, const char* what);
};

struct Cluster {                              // what is scheduled together: one block, or the blocks of a cluster
    const Launch* launch = nullptr;
    uint64_t index = 0;                       // within the grid
    std::deque<Block> blocks;
    uint32_t threads = 0;                     // of all blocks
    uint32_t live = 0;
    uint32_t ready_blocks = 0;
    std::vector<AsyncCopy> copies;
    std::mt19937_64 random;
    bool failed = false;
    uint64_t polls = 0;                       // since anybody last made progress
    void* scheduler_stack_pointer = nullptr;
    void* scheduler_fake_stack = nullptr;
    const void* scheduler_stack = nullptr;
    size_t scheduler_stack_bytes = 0;
    ClusterBarrier barrier;
    Totals totals;

    uint32_t agents() const { return threads + uint32_t(blocks.size()) * max_mbarriers; }
};

extern __thread Fiber* self EMU_THREAD_LOCAL;
extern __thread Block* block EMU_THREAD_LOCAL;
extern __thread char* arena_base EMU_THREAD_LOCAL;
extern bool instrumented;                     // this launch checks races or gathers statistics

// ---- shared_memory.cpp
char* take_arena(uint32_t rank, uint32_t dynamic_bytes);

// ---- workers.cpp
void run_on_workers(int count, const std::function<void()>& work);    // returns when all have ended
extern std::atomic<bool> overdue;             // the launch has exceeded its time: everybody stops at the next opportunity

// ---- scheduler.cpp
void run_cluster(Cluster&);
void set_ready(Fiber&, bool ready);
void block_here(const char* where, uint64_t argument = 0);    // leaves the fiber until somebody wakes it
void wake(Fiber&);
void yield();                                 // stays ready, lets others run
void preempt();                               // the same, where the schedule is meant to be adversarial
void poll();                                  // yields, and faults if only polls happen for too long
[[noreturn]] void abandon();                  // leaves the fiber for good

// ---- context_switch.cpp
void prepare_stack(Fiber&, void (*entry)());
void release_stack(Fiber&);
void switch_to_fiber(Cluster&, Fiber&);
void switch_to_scheduler(bool last);
void enter_fiber();                           // first thing a fiber does

// ---- faults.cpp
void record_fault(const std::string& text);
void record_standstill(Cluster&, const std::string& what);    // with who waits where
void race_fault(const char* format, ...) __attribute__((format(printf, 1, 2)));

// ---- barriers.cpp, warp_operations.cpp
void barrier_thread_exit(Block&);
// Meets the other lanes of `mask`; the last to arrive runs `execute` for all of them.
void collective(int kind, const char* name, uint32_t mask, void* arguments, void (*execute)(Warp&, Collective&));

// ---- bulk_copies.cpp, clusters.cpp
void finish_read(AsyncCopy&);
struct ClusterAddress {
    Block& block;
    uint32_t local;                           // address within that block
};
ClusterAddress resolve_cluster(uint32_t address, const char* what);
void cluster_thread_exit(Cluster&);

// ---- matrix_operations.cpp
float to_float(Type, uint16_t bits);
float narrow(double sum);                     // to fp32 as the tensor core does

// ---- mbarriers.cpp
MBarrier& find_fenced(Block&, uint32_t address, const char* what);    // as the async proxy sees it
void complete_transactions(MBarrier&, uint32_t bytes);

// ---- access_report.cpp
void log_access(Fiber&, const void* where, uint64_t address, uint32_t size, bool write, bool shared);
void flush_log(Warp&);
void log_request(const void* where, bool shared, bool write, const uint64_t* address, const uint32_t* size, int lanes);
uint32_t bank_wavefronts(const uint64_t* address, const uint32_t* size, int lanes, uint32_t* ideal);

// ---- symbols.cpp
std::string symbolize(const void* address);   // file.cuh:line
void symbolize_all(const std::vector<const void*>& addresses);    // looks many up at once, for later

// ---- device_memory.cpp, device.cpp
bool is_device_memory(const void*);
constexpr size_t total_memory_bytes = size_t(16) << 30;
size_t max_shared_bytes();                    // that a block may ask for
bool may_launch(const Launch&);               // its function has been allowed its shared memory on the current device
cudaError_t device_usable();                  // what every runtime call returns first when there is no driver or no device

}  // namespace emu
