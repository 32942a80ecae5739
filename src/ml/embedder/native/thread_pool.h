#ifndef ARCQUEUE_THREAD_POOL_H_
#define ARCQUEUE_THREAD_POOL_H_

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace arcqueue {

// Shares work among a fixed number of threads, the calling one included. A thread takes the next units when it has
// done its last, and one that the machine has no processor for is not waited for.
class ThreadPool {
 public:
  using Work = std::function<void(int thread, long begin, long end)>;

  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  // Runs work on [0, units), `grain` units at a time. Returns when all are done.
  void Run(long units, long grain, const Work& work);

 private:
  void Serve(int index);
  void TakeUnits(int thread, const Work& work);

  std::vector<std::thread> workers_;
  std::mutex mutex_;  // guards what a round is, and joining it
  std::condition_variable wake_;
  std::atomic<long> round_{0};
  bool is_open_ = false;
  bool is_closing_ = false;
  const Work* work_ = nullptr;
  long units_ = 0;
  long grain_ = 1;
  std::atomic<long> next_{0};
  std::atomic<int> joined_{0};
};

}  // namespace arcqueue

#endif  // ARCQUEUE_THREAD_POOL_H_
