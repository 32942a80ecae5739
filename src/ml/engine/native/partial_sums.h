#ifndef ARCQUEUE_PARTIAL_SUMS_H_
#define ARCQUEUE_PARTIAL_SUMS_H_

#include <algorithm>
#include <cstdint>

#include "parallel.h"

namespace arcqueue {

// A long sum's terms cut into parts that threads add up on their own. Where the cuts lie follows from the number of
// terms alone, so that the bits of the sum do not depend on the number of threads.
struct Parts {
  // At most `most` parts, of at least `least` terms each where there are so many.
  Parts(int64_t terms, int64_t most, int64_t least)
      : terms(terms), size(std::max(least, (terms + most - 1) / most)), count((terms + size - 1) / size) {}
  int64_t First(int64_t part) const { return part * size; }
  int64_t End(int64_t part) const { return std::min(First(part) + size, terms); }

  int64_t terms;
  int64_t size;
  int64_t count;
};

// sum [width] = the rows of `partial` [parts, width], added in their order.
inline void SumParts(tensorflow::OpKernelContext* context, const float* partial, int64_t parts, int64_t width,
                     float* sum) {
  ForEachRange(context, width, parts, [=](int64_t begin, int64_t end) {
    std::fill(sum + begin, sum + end, 0.0f);
    for (int64_t part = 0; part < parts; ++part) {
      for (int64_t i = begin; i < end; ++i) sum[i] += partial[part * width + i];
    }
  });
}

}  // namespace arcqueue

#endif  // ARCQUEUE_PARTIAL_SUMS_H_
