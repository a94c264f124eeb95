// The emulator of CUDA kernels: what a kernel's translation unit and a test may call.
//
// Every CUDA thread is a fiber; the threads of a block, and the blocks of a cluster, share one OS thread. Fibers
// switch only inside the functions declared here, so a block is a deterministic function of its inputs and the seed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace emu {

// ---- configuration (initialised once from EMU_* environment variables) ------------------------------------------

enum class Schedule { inorder, reverse, random, priority };
enum class Landing { early, random, late };    // when asynchronous copies arrive

struct Config {
    Schedule schedule = Schedule::inorder;     // EMU_SCHEDULE
    Landing landing = Landing::late;           // EMU_LANDING
    uint64_t seed = 1;                         // EMU_SEED
    int workers = 0;                           // EMU_WORKERS: OS threads that run blocks; 0: one per core
    bool race_check = false;                   // EMU_RACECHECK: on in builds with LSK_CHECK=race, no effect in others
    bool statistics = false;                   // EMU_STATS: memory-access report, of a race build too
    bool truncate_mma = true;                  // round the sums of mma toward zero, as tensor cores do
    bool lazy_streams = false;                 // EMU_LAZY_STREAMS: run stream work only when somebody synchronises
    bool quiet = false;                        // EMU_QUIET: print nothing to stderr
    int compute_capability = 90;               // EMU_SM: 80, 89 or 90
    int multiprocessors = 4;                   // EMU_MULTIPROCESSORS
    int device_count = 1;                      // EMU_DEVICE_COUNT
    bool no_driver = false;                    // EMU_NO_DRIVER: every runtime call reports an insufficient driver, whose version is 0
    int driver_version = 12040;                // EMU_DRIVER_VERSION: one of an older major version than the runtime's is insufficient
    int64_t fail_malloc_after = -1;            // EMU_FAIL_MALLOC_AFTER=n: allocation n (from 0) and later ones fail; -1: none
    double watchdog_seconds = 60.0;            // EMU_WATCHDOG: a launch that takes longer is a fault; 0: no limit
    uint64_t spin_limit = 1u << 20;            // EMU_SPIN_LIMIT: polls without anybody's progress before a launch is a fault
};
Config& config();

// ---- what happened ------------------------------------------------------------------------------------------------

std::string last_error();                      // text of the first fault since clear_error(), "" if none
void clear_error();                            // makes the device usable again; a real one needs a new process
void reset_device();                           // the same as cudaDeviceReset() does it: functions have lost their attributes

struct Totals {                                // counted by the emulated instructions themselves
    uint64_t mma = 0;
    uint64_t mma_flop = 0;
    uint64_t ldmatrix = 0;
    uint64_t ldmatrix_wavefronts = 0;
    uint64_t ldmatrix_ideal = 0;
    uint64_t cp_async = 0;
    uint64_t cp_async_bytes = 0;
    uint64_t bulk_copies = 0;                  // TMA, tensor or linear, either direction
    uint64_t bulk_bytes = 0;
    uint64_t wgmma = 0;
    uint64_t wgmma_flop = 0;
    uint64_t barriers = 0;
    uint64_t switches = 0;
    uint64_t blocks = 0;
    uint64_t launches = 0;
    uint64_t races = 0;
};
Totals totals();
uint64_t function_attributes();                // calls of cudaFuncSetAttribute since the program began
void reset_totals();

// Memory requests per source line, merged over everything launched since reset_report(). Needs EMU_STATS and a race build.
// cost and ideal count shared-memory wavefronts (32 banks of 4 bytes) or 32-byte sectors of global memory.
struct ReportRow {
    std::string where;                         // file.cuh:line
    bool shared = false;
    bool write = false;
    uint64_t requests = 0;                     // warp instructions
    uint64_t bytes = 0;
    uint64_t cost = 0;
    uint64_t ideal = 0;
    std::string access() const { return std::string(shared ? "shared" : "global") + (write ? " write" : " read"); }
    double excess() const { return ideal ? double(cost) / double(ideal) : 1.0; }
};
std::vector<ReportRow> report_rows();
std::string report();                          // the same as a table
void reset_report();

// ---- launch -------------------------------------------------------------------------------------------------------

struct Dim {
    unsigned x = 1;
    unsigned y = 1;
    unsigned z = 1;
};
struct Launch {
    const char* name = "";
    std::function<void()> body;                // what one thread runs
    Dim grid;
    Dim block;
    Dim cluster;
    size_t shared_bytes = 0;
    const void* function = nullptr;            // whose attributes limit the launch; none without
};
int launch(const Launch&);                     // runs it now; returns a cudaError_t

// ---- thread and block -------------------------------------------------------------------------------------------

void* dynamic_shared();
uint32_t shared_address(const void*);          // cvta.to.shared; faults if not shared memory
uint32_t load_shared32(uint32_t address);
void store_shared32(uint32_t address, uint32_t value);
void bar_sync(int id, int threads);            // threads < 0: the whole block
void bar_arrive(int id, int threads);
int bar_reduce(int predicate);                 // __syncthreads_count
void sync_warp(uint32_t mask);
[[noreturn]] void fault(const char* format, ...) __attribute__((format(printf, 1, 2)));

// ---- warp -----------------------------------------------------------------------------------------------------

enum class Shuffle { index, up, down, butterfly };
uint64_t shuffle(Shuffle, uint32_t mask, uint64_t value, uint32_t lane, int width);
uint32_t ballot(uint32_t mask, bool predicate);
bool elect_one();

void ldmatrix(uint32_t* registers, int matrices, bool transposed, uint32_t address);
void stmatrix(const uint32_t* registers, int matrices, bool transposed, uint32_t address);

enum class Type { bf16, fp16, tf32 };
// d = a b + c for one 16 x 8 tile; the depth is 16, tf32: 8.
void mma_m16n8(Type, float* d, const uint32_t* a, const uint32_t* b, const float* c);

// ---- asynchronous copies --------------------------------------------------------------------------------------

void cp_async(uint32_t to, const void* from, int bytes, int from_bytes);
void cp_async_commit();
void cp_async_wait(int groups_in_flight);

void mbarrier_init(uint32_t barrier, uint32_t count);
void mbarrier_invalidate(uint32_t barrier);
void mbarrier_arrive(uint32_t barrier, uint32_t transaction_bytes);      // arrive.expect_tx when the bytes are not 0
void mbarrier_expect_tx(uint32_t barrier, uint32_t transaction_bytes);
bool mbarrier_try_wait(uint32_t barrier, uint32_t parity);               // may yield; false: not yet
void mbarrier_wait(uint32_t barrier, uint32_t parity);
void fence_mbarrier_init();
void fence_proxy_async();
void mbarrier_arrive_cluster(uint32_t barrier);                          // an address of map_shared()

void tensor_load(uint32_t to, const void* tensor_map, uint32_t barrier, const int* coordinates, int rank);
void tensor_load_multicast(uint32_t to, const void* tensor_map, uint32_t barrier, uint32_t ranks, const int* coordinates, int rank);
void bulk_load(uint32_t to, const void* from, uint32_t bytes, uint32_t barrier);
void bulk_load_multicast(uint32_t to, const void* from, uint32_t bytes, uint32_t barrier, uint32_t ranks);

enum class BulkOperation { copy, add_f32 };
void tensor_store(const void* tensor_map, uint32_t from, const int* coordinates, int rank, BulkOperation);
void bulk_store(void* to, uint32_t from, uint32_t bytes, BulkOperation);
void bulk_commit();
enum class BulkWait { read, written };
void bulk_wait(int groups_in_flight, BulkWait until);

// ---- clusters -------------------------------------------------------------------------------------------------

uint32_t cluster_rank();
uint32_t cluster_blocks();
uint32_t map_shared(uint32_t address, uint32_t rank);
void load_cluster(uint32_t address, void* value, uint32_t bytes);
void store_cluster(uint32_t address, const void* value, uint32_t bytes);
void store_async(uint32_t address, const void* value, uint32_t bytes, uint32_t barrier);
void cluster_arrive();
void cluster_wait();

// ---- warpgroup matrix products --------------------------------------------------------------------------------

enum class Major { k, mn };
void wgmma_fence();
void wgmma_commit();
void wgmma_wait(int groups_in_flight);
// a_registers != nullptr: A from registers, four 32-bit words a thread, and a_descriptor is not used.
void wgmma(Type, int n, float* d, const uint32_t* a_registers, uint64_t a_descriptor, uint64_t b_descriptor, bool accumulate,
           Major a_major, Major b_major);
void set_max_registers(int count);

// ---- atomics and fences on global memory ------------------------------------------------------------------------

enum class Order { relaxed, acquire, release, acquire_release };
enum class Atomic { add, minimum, maximum, exchange, bit_and, bit_or };
uint32_t atomic_u32(Atomic, void* address, uint32_t value, Order);
int32_t atomic_s32(Atomic, void* address, int32_t value, Order);
uint64_t atomic_u64(Atomic, void* address, uint64_t value, Order);
float atomic_add_f32(void* address, float value, Order);
uint32_t atomic_cas_u32(void* address, uint32_t expected, uint32_t desired, Order);
uint64_t atomic_cas_u64(void* address, uint64_t expected, uint64_t desired, Order);
uint32_t load_u32(const void* address, Order);  // a poll: lets others run
void store_u32(void* address, uint32_t value, Order);
void thread_fence();                            // gpu scope

}  // namespace emu
