// Steps whose work is moving the map through the processor: depthwise convolutions and what is done value by value.

#include <algorithm>

#include "step.h"

namespace arcqueue {
namespace {

// Units are rows of the output.
class DepthwiseConvolution : public Step {
 public:
  DepthwiseConvolution(const Shape& input, ConvolutionWeights weights)
      : Step(input, {Side(input.height, weights), Side(input.width, weights), input.channels}),
        weights_(std::move(weights)) {}

  long Units(long images) const override { return images * output_.height; }
  long WeightBytes() const override { return weights_.kernel.size() * sizeof(float); }

  void Run(const Pass& pass, long begin, long end, Workspace*) const override {
    const Epilogue epilogue{DataOrNull(weights_.bias), DataOrNull(weights_.slope), nullptr};
    for (long unit = begin; unit < end; ++unit) {
      const long image = unit / output_.height;
      BestVectorOps().depthwise_row(
          {pass.input + image * input_.Size(), pass.output + image * output_.Size(), weights_.kernel.data(),
           input_.height, input_.width, output_.width, input_.channels, weights_.size, weights_.stride, weights_.padding},
          unit % output_.height, epilogue, false);
    }
  }

  static long Side(long side, const ConvolutionWeights& weights) {
    return (side + 2 * weights.padding - weights.size) / weights.stride + 1;
  }

 private:
  const ConvolutionWeights weights_;
};

// Two channels a group: output channel c sees c and its neighbour in the pair. Units are images: the neighbours are
// brought to their places once for a whole map.
class PairedConvolution : public Step {
 public:
  PairedConvolution(const Shape& input, ConvolutionWeights weights)
      : Step(input, {DepthwiseConvolution::Side(input.height, weights),
                     DepthwiseConvolution::Side(input.width, weights), input.channels}),
        weights_(std::move(weights)) {
    const long channels = input.channels;
    const long taps = weights_.size * weights_.size;
    own_.resize(taps * channels);
    neighbour_.resize(taps * channels);
    for (long tap = 0; tap < taps; ++tap) {
      for (long c = 0; c < channels; ++c) {  // kernel [size, size, 2, out]
        own_[tap * channels + c] = weights_.kernel[(tap * 2 + c % 2) * channels + c];
        neighbour_[tap * channels + c] = weights_.kernel[(tap * 2 + 1 - c % 2) * channels + c];
      }
    }
  }

  long Units(long images) const override { return images; }
  long WeightBytes() const override { return weights_.kernel.size() * sizeof(float); }

  void Run(const Pass& pass, long begin, long end, Workspace* workspace) const override {
    const VectorOps& ops = BestVectorOps();
    const Epilogue last{DataOrNull(weights_.bias), DataOrNull(weights_.slope), nullptr};
    float* swapped = workspace->Take(input_.Size());
    for (long image = begin; image < end; ++image) {
      const float* x = pass.input + image * input_.Size();
      float* y = pass.output + image * output_.Size();
      for (long i = 0; i < input_.Size(); i += 2) {
        swapped[i] = x[i + 1];
        swapped[i + 1] = x[i];
      }
      for (long row = 0; row < output_.height; ++row) {
        ops.depthwise_row(MapOf(x, y, own_), row, Epilogue(), false);
        ops.depthwise_row(MapOf(swapped, y, neighbour_), row, last, true);
      }
    }
  }

 private:
  DepthwiseMap MapOf(const float* x, float* y, const Values& kernel) const {
    return {x, y, kernel.data(), input_.height, input_.width, output_.width, input_.channels,
            weights_.size, weights_.stride, weights_.padding};
  }

  const ConvolutionWeights weights_;
  Values own_;
  Values neighbour_;
};

// Units are rows of the map.
class RowStep : public Step {
 public:
  explicit RowStep(const Shape& shape) : Step(shape, shape) {}
  long Units(long images) const override { return images * input_.height; }

 protected:
  long RowSize() const { return input_.width * input_.channels; }
};

class AffineStep : public RowStep {
 public:
  AffineStep(const Shape& shape, Values scale, Values shift)
      : RowStep(shape), scale_(std::move(scale)), shift_(std::move(shift)) {}

  void Run(const Pass& pass, long begin, long end, Workspace*) const override {
    const long at = begin * RowSize();
    BestVectorOps().affine(pass.input + at, pass.output + at, (end - begin) * input_.width, input_.channels,
                           scale_.data(), shift_.data());
  }

 private:
  const Values scale_;
  const Values shift_;
};

// y = prelu(x + second), each of which may be absent.
class FinishStep : public RowStep {
 public:
  FinishStep(const Shape& shape, Values slope) : RowStep(shape), slope_(std::move(slope)) {}

  void Run(const Pass& pass, long begin, long end, Workspace*) const override {
    const long at = begin * RowSize();
    const long size = (end - begin) * RowSize();
    std::copy(pass.input + at, pass.input + at + size, pass.output + at);
    const float* second = pass.second == nullptr ? nullptr : pass.second + at;
    BestVectorOps().finish(pass.output + at, (end - begin) * input_.width, input_.channels, input_.channels,
                           {nullptr, DataOrNull(slope_), second}, input_.channels);
  }

 private:
  const Values slope_;
};

}  // namespace

std::unique_ptr<Step> MakeMatrixConvolution(const Shape& input, long out_channels, ConvolutionWeights weights);
std::unique_ptr<Step> MakeWinogradConvolution(const Shape& input, long out_channels, ConvolutionWeights weights);

std::unique_ptr<Step> MakeConvolution(const Shape& input, long out_channels, ConvolutionWeights weights,
                                      long winograd_budget_bytes) {
  if (weights.groups == 1) {
    const bool is_winograd = weights.size == 3 && weights.stride == 1 && weights.padding == 1 && input.channels >= 16 &&
                             WinogradBytes(input.channels, out_channels) <= winograd_budget_bytes;
    return is_winograd ? MakeWinogradConvolution(input, out_channels, std::move(weights))
                       : MakeMatrixConvolution(input, out_channels, std::move(weights));
  }
  if (out_channels != input.channels) return nullptr;
  if (weights.groups == input.channels) return std::make_unique<DepthwiseConvolution>(input, std::move(weights));
  if (weights.groups * 2 == input.channels) return std::make_unique<PairedConvolution>(input, std::move(weights));
  return nullptr;
}

std::unique_ptr<Step> MakeAffine(const Shape& input, Values scale, Values shift) {
  return std::make_unique<AffineStep>(input, std::move(scale), std::move(shift));
}

std::unique_ptr<Step> MakePrelu(const Shape& input, Values slope) {
  return std::make_unique<FinishStep>(input, std::move(slope));
}

std::unique_ptr<Step> MakeAdd(const Shape& input) { return std::make_unique<FinishStep>(input, Values()); }

}  // namespace arcqueue
