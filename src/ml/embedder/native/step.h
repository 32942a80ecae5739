#ifndef ARCQUEUE_STEP_H_
#define ARCQUEUE_STEP_H_

#include <cstdlib>
#include <memory>
#include <vector>

#include "vector_ops.h"

namespace arcqueue {

struct Shape {
  long height;
  long width;
  long channels;
  long Size() const { return height * width * channels; }
};

// The maps that one step works on, [images, height, width, channels] each.
struct Pass {
  const float* input;
  const float* second;  // residual, or the other summand; null where there is none
  float* output;
  long images;
};

// Memory of one thread that grows to what the largest step needs, aligned to cache lines, not initialised.
class Workspace {
 public:
  float* Take(long floats) {
    if (floats > size_) {
      data_.reset(std::aligned_alloc(64, (floats * sizeof(float) + 63) / 64 * 64));
      size_ = floats;
    }
    return static_cast<float*>(data_.get());
  }

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  std::unique_ptr<void, Free> data_;
  long size_ = 0;
};

// One operation of the network. Its work falls into units that may run on different threads in any order; the bits of
// the result do not depend on how they are shared out.
class Step {
 public:
  virtual ~Step() = default;
  virtual long Units(long images) const = 0;
  virtual void Run(const Pass& pass, long begin, long end, Workspace* workspace) const = 0;
  const Shape& input_shape() const { return input_; }
  const Shape& output_shape() const { return output_; }
  // Bytes of weights that a pass reads.
  virtual long WeightBytes() const { return 0; }

 protected:
  Step(const Shape& input, const Shape& output) : input_(input), output_(output) {}

  const Shape input_;
  const Shape output_;
};

// Values of a network that outlive the JavaScript arrays they came in.
using Values = std::vector<float>;

inline const float* DataOrNull(const Values& values) { return values.empty() ? nullptr : values.data(); }

struct ConvolutionWeights {
  Values kernel;  // [size, size, in / groups, out]
  Values bias;    // empty for none
  Values slope;   // of the PReLU after it; empty for none
  long size;
  long stride;
  long padding;
  long groups;
};

// Chooses how: Winograd, one matrix product, or a depthwise loop. @return null for groups that no backbone has
std::unique_ptr<Step> MakeConvolution(const Shape& input, long out_channels, ConvolutionWeights weights,
                                      long winograd_budget_bytes);
// [in] → [out] of flattened images; kernel [in, out].
std::unique_ptr<Step> MakeDense(const Shape& input, long out_channels, ConvolutionWeights weights);
std::unique_ptr<Step> MakeAffine(const Shape& input, Values scale, Values shift);
std::unique_ptr<Step> MakePrelu(const Shape& input, Values slope);
std::unique_ptr<Step> MakeAdd(const Shape& input);

// Bytes that the 36 frequencies of a 3x3 kernel take.
long WinogradBytes(long in_channels, long out_channels);

}  // namespace arcqueue

#endif  // ARCQUEUE_STEP_H_
