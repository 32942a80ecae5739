#ifndef ARCQUEUE_BATCH_NORM_H_
#define ARCQUEUE_BATCH_NORM_H_

// Batch normalisation (Ioffe & Szegedy 2015) over all but the last axis, followed or not by PReLU, and its gradient:
//   n = (x - mean) * inv_std      z = gamma * n + beta      y = z, or max(z, 0) + alpha * min(z, 0)
// Only x is kept for the gradient: z is computed again, which costs less than storing and fetching it. `alpha` is [C],
// or empty where no PReLU follows. x is [..., C], seen as [rows, C].

#include <algorithm>
#include <cstdint>
#include <vector>

#include "operation.h"

namespace arcqueue {

// Sums over rows are taken in float inside a block and in double over blocks. A block lies in the second cache; its size
// follows from the channels alone, so that the bits of a sum do not depend on the number of threads.
constexpr int64_t kBlockFloats = 32768;
constexpr int64_t kMaxBlockRows = 512;

// x as rows of channels, cut into blocks of rows.
struct Rows {
  explicit Rows(const Tensor& x) : channels(x.dims() == 0 ? 0 : x.dim_size(x.dims() - 1)) {
    count = channels == 0 ? 0 : x.NumElements() / channels;
    per_block = channels == 0 ? 1 : std::clamp<int64_t>(kBlockFloats / channels, 1, kMaxBlockRows);
    blocks = (count + per_block - 1) / per_block;
  }
  int64_t First(int64_t block) const { return block * per_block; }
  int64_t In(int64_t block) const { return std::min(per_block, count - First(block)); }

  int64_t channels;
  int64_t count;
  int64_t per_block;
  int64_t blocks;
};

// Per channel: z = scale * x + shift. All passes take it from the same rounded values, so that z has the same bits, and
// falls on the same side of PReLU's bend, when it is computed again.
struct Affine {
  Affine(const float* gamma, const float* beta, const float* mean, const float* inv_std, int64_t channels)
      : scale(channels), shift(channels) {
    for (int64_t c = 0; c < channels; ++c) {
      const double exact = static_cast<double>(gamma[c]) * inv_std[c];
      scale[c] = static_cast<float>(exact);
      shift[c] = static_cast<float>(beta[c] - mean[c] * exact);
    }
  }

  std::vector<float> scale;
  std::vector<float> shift;
};

// Whether `x` is [..., C] and `per_channel` [C].
inline absl::Status CheckChannels(const Tensor& x, const Tensor& per_channel, bool may_be_empty) {
  const Rows rows(x);
  const bool is_empty = may_be_empty && per_channel.NumElements() == 0;
  if (x.dims() >= 2 && per_channel.dims() == 1 && (is_empty || per_channel.dim_size(0) == rows.channels)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("Batch norm expects x [..., C] and values of [C], found ",
                                             x.shape().DebugString(), " and ", per_channel.shape().DebugString()));
}

}  // namespace arcqueue

#endif  // ARCQUEUE_BATCH_NORM_H_
