// The 3x3 convolution with stride 1 by Winograd's F(4x4, 3x3) (winograd.h), its kernel transformed once.

#include <algorithm>

#include "gemm.h"
#include "step.h"
#include "winograd.h"

namespace arcqueue {
namespace {

// As in the training's convolution: the frequencies of one tile must not lie in one set of the first cache, and the
// transforms and products of a unit stay in the second.
constexpr long kFrequencyPadding = 16;
constexpr long kTiles = 32;

class WinogradConvolution : public Step {
 public:
  WinogradConvolution(const Shape& input, long out_channels, ConvolutionWeights weights)
      : Step(input, {input.height, input.width, out_channels}), bias_(std::move(weights.bias)),
        slope_(std::move(weights.slope)), columns_((input.width + kTileOut - 1) / kTileOut),
        tiles_per_image_((input.height + kTileOut - 1) / kTileOut * columns_) {
    const Gemm& gemm = BestGemm();
    const long in = input.channels;
    const long out_width = RoundUp(out_channels, gemm.panel_width);
    spectrum_.resize(kFrequencies * in * out_width);  // [36][panels][in][panel_width]
    for (long i = 0; i < in; ++i) {
      const Spectrum to{spectrum_.data() + i * gemm.panel_width, in * out_width, in * gemm.panel_width};
      BestWinogradTransforms().kernel(weights.kernel.data() + i * out_channels, in * out_channels, out_channels, to);
    }
  }

  long Units(long images) const override { return (images * tiles_per_image_ + kTiles - 1) / kTiles; }
  long WeightBytes() const override { return spectrum_.size() * sizeof(float); }

  void Run(const Pass& pass, long begin, long end, Workspace* workspace) const override {
    const Gemm& gemm = BestGemm();
    const WinogradTransforms& transforms = BestWinogradTransforms();
    const long in = input_.channels;
    const long out = output_.channels;
    const long in_width = RoundUp(in, gemm.panel_width);
    const long out_width = RoundUp(out, gemm.panel_width);
    const Plane in_plane{input_.height, input_.width, in};
    const Plane out_plane{output_.height, output_.width, out};
    const long v_stride = kTiles * in_width + kFrequencyPadding;
    const long m_stride = kTiles * out_width + kFrequencyPadding;
    float* v = workspace->Take(kFrequencies * (v_stride + m_stride));
    float* m = v + kFrequencies * v_stride;
    for (long unit = begin; unit < end; ++unit) {
      const long first = unit * kTiles;
      const long count = std::min(kTiles, pass.images * tiles_per_image_ - first);
      for (long t = 0; t < count; ++t) {
        const long tile = first + t;
        transforms.input(pass.input + tile / tiles_per_image_ * input_.Size(), in_plane, FirstRow(tile) - 1,
                         FirstColumn(tile) - 1, {v + t * in_width, v_stride, gemm.panel_width});
      }
      for (long f = 0; f < kFrequencies; ++f) {
        gemm.multiply({v + f * v_stride, in_width, 1, spectrum_.data() + f * in * out_width, in * gemm.panel_width,
                       gemm.panel_width, m + f * m_stride, out_width, count, in, out, false});
      }
      for (long t = 0; t < count; ++t) {
        const long tile = first + t;
        const long image = tile / tiles_per_image_ * output_.Size();
        transforms.output({m + t * out_width, m_stride, gemm.panel_width}, out_plane, FirstRow(tile), FirstColumn(tile),
                          pass.output + image);
        FinishTile(pass, image, FirstRow(tile), FirstColumn(tile));
      }
    }
  }

 private:
  long FirstRow(long tile) const { return tile % tiles_per_image_ / columns_ * kTileOut; }
  long FirstColumn(long tile) const { return tile % columns_ * kTileOut; }

  void FinishTile(const Pass& pass, long image, long first_row, long first_column) const {
    const long channels = output_.channels;
    const long rows = std::min(kTileOut, output_.height - first_row);
    const long columns = std::min(kTileOut, output_.width - first_column);
    for (long row = first_row; row < first_row + rows; ++row) {
      const long at = image + (row * output_.width + first_column) * channels;
      const float* residual = pass.second == nullptr ? nullptr : pass.second + at;
      BestVectorOps().finish(pass.output + at, columns, channels, channels,
                             {DataOrNull(bias_), DataOrNull(slope_), residual}, channels);
    }
  }

  const Values bias_;
  const Values slope_;
  const long columns_;
  const long tiles_per_image_;
  Values spectrum_;
};

}  // namespace

long WinogradBytes(long in_channels, long out_channels) {
  return kFrequencies * in_channels * RoundUp(out_channels, BestGemm().panel_width) * static_cast<long>(sizeof(float));
}

std::unique_ptr<Step> MakeWinogradConvolution(const Shape& input, long out_channels, ConvolutionWeights weights) {
  return std::make_unique<WinogradConvolution>(input, out_channels, std::move(weights));
}

}  // namespace arcqueue
