// The threads that run blocks, and the watchdog over a launch.
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>
#include "state.h"

namespace emu {

std::atomic<bool> overdue{false};

namespace {

constexpr int watchdog_signal = SIGVTALRM;
constexpr std::chrono::seconds grace{1};

// A thread that loops without ever calling the emulator is taken off its fiber.
void leave_fiber(int) {
    if (!self) return;
    block->cluster->failed = true;
    abandon();
}

void install_signal_handler() {
    struct sigaction action {};
    action.sa_handler = leave_fiber;
    action.sa_flags = SA_NODEFER;             // the handler does not return
    sigaction(watchdog_signal, &action, nullptr);
}

// Threads that wait for launches. Never destroyed: they may still sleep when the library's static objects go.
class Workers {
public:
    void run(int count, const std::function<void()>& work) {
        std::unique_lock<std::mutex> lock(mutex_);
        while (int(handles_.size()) < count) {
            std::thread thread([this] { loop(); });
            handles_.push_back(thread.native_handle());
            thread.detach();
        }
        work_ = &work;
        waiting_ = running_ = count;
        overdue = false;
        start_.notify_all();
        wait(lock);
        work_ = nullptr;
    }

private:
    void wait(std::unique_lock<std::mutex>& lock) {
        const auto ended = [this] { return running_ == 0; };
        const double seconds = config().watchdog_seconds;
        if (seconds <= 0) return done_.wait(lock, ended);
        if (done_.wait_for(lock, std::chrono::duration<double>(seconds), ended)) return;
        overdue = true;
        if (done_.wait_for(lock, grace, ended)) return;
        record_fault("watchdog: a thread loops without ever waiting (a plain load does not see what others store: poll with ptx::load_acquire_gpu)");
        install_signal_handler();
        for (const pthread_t handle : handles_) pthread_kill(handle, watchdog_signal);
        done_.wait(lock, ended);
    }

    void loop() {
        std::unique_lock<std::mutex> lock(mutex_);
        for (;;) {
            start_.wait(lock, [this] { return waiting_ > 0; });
            waiting_--;
            const std::function<void()>& work = *work_;
            lock.unlock();
            work();
            lock.lock();
            if (--running_ == 0) done_.notify_one();
        }
    }

    std::mutex mutex_;
    std::condition_variable start_;
    std::condition_variable done_;
    const std::function<void()>* work_ = nullptr;
    std::vector<pthread_t> handles_;
    int waiting_ = 0;
    int running_ = 0;
};

}  // namespace

void run_on_workers(int count, const std::function<void()>& work) {
    static auto* const workers = new Workers;
    workers->run(count, work);
}

}  // namespace emu
