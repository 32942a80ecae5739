// Convolutions and linear layers as matrix products: a row of the left matrix per output pixel, with the input values of its
// window side by side; the kernel is the right matrix, packed once when the network is built.

#include <algorithm>
#include <cstring>

#include "gemm.h"
#include "step.h"

namespace arcqueue {
namespace {

// Output pixels that one unit of work covers: their products are finished while they lie in the second cache.
constexpr long kRows = 96;

// [panels][depth][panel_width]
Values PackKernel(const Values& kernel, long depth, long columns) {
  const Gemm& gemm = BestGemm();
  Values packed(depth * RoundUp(columns, gemm.panel_width));
  gemm.pack(kernel.data(), columns, depth, columns, packed.data());
  return packed;
}

Shape OutputShape(const Shape& input, long out_channels, const ConvolutionWeights& weights) {
  const auto side = [&](long size) { return (size + 2 * weights.padding - weights.size) / weights.stride + 1; };
  return {side(input.height), side(input.width), out_channels};
}

class MatrixConvolution : public Step {
 public:
  MatrixConvolution(const Shape& input, long out_channels, ConvolutionWeights weights)
      : Step(input, OutputShape(input, out_channels, weights)), weights_(std::move(weights)),
        depth_(weights_.size * weights_.size * input.channels), packed_(PackKernel(weights_.kernel, depth_, out_channels)) {
    Values().swap(weights_.kernel);
  }

  long Units(long images) const override { return (Rows(images) + kRows - 1) / kRows; }
  long WeightBytes() const override { return packed_.size() * sizeof(float); }

  void Run(const Pass& pass, long begin, long end, Workspace* workspace) const override {
    const Gemm& gemm = BestGemm();
    const VectorOps& ops = BestVectorOps();
    const long columns = output_.channels;
    const bool is_pointwise = weights_.size == 1 && weights_.stride == 1 && weights_.padding == 0;
    for (long unit = begin; unit < end; ++unit) {
      const long first = unit * kRows;
      const long rows = std::min(kRows, Rows(pass.images) - first);
      const float* a = pass.input + first * depth_;
      if (!is_pointwise) {
        float* windows = workspace->Take(kRows * depth_);
        for (long row = 0; row < rows; ++row) CopyWindow(pass.input, first + row, windows + row * depth_);
        a = windows;
      }
      float* y = pass.output + first * columns;
      gemm.multiply({a, depth_, 1, packed_.data(), depth_ * gemm.panel_width, gemm.panel_width, y, columns, rows, depth_,
                     columns, false});
      const float* residual = pass.second == nullptr ? nullptr : pass.second + first * columns;
      ops.finish(y, rows, columns, columns, {DataOrNull(weights_.bias), DataOrNull(weights_.slope), residual}, columns);
    }
  }

 private:
  long Rows(long images) const { return images * output_.height * output_.width; }

  // The window of output pixel `row` of the batch, zeros outside of the image.
  void CopyWindow(const float* images, long row, float* to) const {
    const long pixels = output_.height * output_.width;
    const float* image = images + row / pixels * input_.Size();
    const long first_y = row % pixels / output_.width * weights_.stride - weights_.padding;
    const long first_x = row % output_.width * weights_.stride - weights_.padding;
    const long channels = input_.channels;
    for (long dy = 0; dy < weights_.size; ++dy) {
      const long y = first_y + dy;
      for (long dx = 0; dx < weights_.size; ++dx, to += channels) {
        const long x = first_x + dx;
        if (y < 0 || y >= input_.height || x < 0 || x >= input_.width) {
          std::fill(to, to + channels, 0.0f);
        } else {
          std::memcpy(to, image + (y * input_.width + x) * channels, channels * sizeof(float));
        }
      }
    }
  }

  ConvolutionWeights weights_;
  const long depth_;
  const Values packed_;
};

// Units are panels of outputs: with one image there is one row only, and the kernel is what is large.
class Dense : public Step {
 public:
  Dense(const Shape& input, long out_channels, ConvolutionWeights weights)
      : Step(input, {1, 1, out_channels}), bias_(std::move(weights.bias)),
        packed_(PackKernel(weights.kernel, input.Size(), out_channels)) {}

  long Units(long) const override {
    const long panel = BestGemm().panel_width;
    return (output_.channels + panel - 1) / panel;
  }
  long WeightBytes() const override { return packed_.size() * sizeof(float); }

  void Run(const Pass& pass, long begin, long end, Workspace*) const override {
    const Gemm& gemm = BestGemm();
    const VectorOps& ops = BestVectorOps();
    const long depth = input_.Size();
    const long columns = output_.channels;
    for (long panel = begin; panel < end; ++panel) {
      const long first = panel * gemm.panel_width;
      const long count = std::min(gemm.panel_width, columns - first);
      float* y = pass.output + first;
      gemm.multiply({pass.input, depth, 1, packed_.data() + panel * depth * gemm.panel_width, depth * gemm.panel_width,
                     gemm.panel_width, y, columns, pass.images, depth, count, false});
      if (!bias_.empty()) ops.finish(y, pass.images, columns, count, {bias_.data() + first, nullptr, nullptr}, 0);
    }
  }

 private:
  const Values bias_;
  const Values packed_;
};

}  // namespace

std::unique_ptr<Step> MakeMatrixConvolution(const Shape& input, long out_channels, ConvolutionWeights weights) {
  return std::make_unique<MatrixConvolution>(input, out_channels, std::move(weights));
}

std::unique_ptr<Step> MakeDense(const Shape& input, long out_channels, ConvolutionWeights weights) {
  return std::make_unique<Dense>(input, out_channels, std::move(weights));
}

}  // namespace arcqueue
