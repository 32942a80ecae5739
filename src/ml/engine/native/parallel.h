#ifndef ARCQUEUE_PARALLEL_H_
#define ARCQUEUE_PARALLEL_H_

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/util/work_sharder.h"

namespace arcqueue {

// Divides [0, total) among TensorFlow's threads and runs work(begin, end) on each part. Results must not depend on
// where the parts begin: a training repeated with another number of threads has to give the same bits.
template <typename Work>
void ForEachRange(tensorflow::OpKernelContext* context, int64_t total, int64_t cost_per_unit, const Work& work) {
  if (total == 0) return;
  const auto& workers = *context->device()->tensorflow_cpu_worker_threads();
  tensorflow::Shard(workers.num_threads, workers.workers, total, cost_per_unit, work);
}

inline int64_t ThreadCount(tensorflow::OpKernelContext* context) {
  return context->device()->tensorflow_cpu_worker_threads()->num_threads;
}

// Scratch memory for one thread, not initialised, aligned to cache lines.
class Scratch {
 public:
  explicit Scratch(int64_t floats) : data_(std::aligned_alloc(64, (floats * sizeof(float) + 63) / 64 * 64)) {}
  float* data() const { return static_cast<float*>(data_.get()); }

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  std::unique_ptr<void, Free> data_;
};

}  // namespace arcqueue

#endif  // ARCQUEUE_PARALLEL_H_
