#include "thread_pool.h"

#include <algorithm>

namespace arcqueue {
namespace {

// One image passes fifty steps in a few milliseconds, and each step is a round. A thread that looks for the next round
// this often before it sleeps is not woken fifty times.
constexpr int kLooks = 4000;

inline void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  for (int index = 1; index < threads; ++index) workers_.emplace_back([this, index] { Serve(index); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    is_closing_ = true;
    ++round_;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::Run(long units, long grain, const Work& work) {
  if (workers_.empty() || units <= grain) {
    if (units > 0) work(0, 0, units);
    return;
  }
  {
    std::lock_guard<std::mutex> lock(mutex_);
    work_ = &work;
    units_ = units;
    grain_ = grain;
    next_ = 0;
    is_open_ = true;
    ++round_;
  }
  wake_.notify_all();
  TakeUnits(0, work);
  {
    // Whoever has not joined by now finds nothing left to do.
    std::lock_guard<std::mutex> lock(mutex_);
    is_open_ = false;
  }
  for (int looks = 0; joined_.load(std::memory_order_acquire) > 0; ++looks) {
    if (looks < kLooks) {
      Pause();
    } else {
      std::this_thread::yield();
    }
  }
}

void ThreadPool::TakeUnits(int thread, const Work& work) {
  for (long begin; (begin = next_.fetch_add(grain_)) < units_;) work(thread, begin, std::min(begin + grain_, units_));
}

void ThreadPool::Serve(int index) {
  for (long seen = 0;;) {
    for (int looks = 0; looks < kLooks && round_.load(std::memory_order_acquire) == seen; ++looks) Pause();
    const Work* work;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [&] { return round_.load() != seen; });
      if (is_closing_) return;
      seen = round_;
      if (!is_open_) continue;
      work = work_;
      ++joined_;
    }
    TakeUnits(index, *work);
    joined_.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace arcqueue
