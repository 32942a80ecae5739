// The gradient of the 3x3 convolution of conv3x3.cc with respect to its kernel, in Winograd's domain (winograd.h).

#include <algorithm>
#include <cstdint>

#include "convolution_checks.h"
#include "gemm.h"
#include "operation.h"
#include "parallel.h"
#include "winograd.h"
#include "winograd_tiles.h"

namespace arcqueue {
namespace {

// The kernel's gradient sums over this many tiles at once. The order of that sum decides the bits of the result, so the
// number depends on the shapes alone.
constexpr int64_t kMinGradientTiles = 128;
constexpr int64_t kGradientBytes = 4 << 20;

class Conv3x3KernelGradOp : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& dy = context->input(1);
    OP_REQUIRES_OK(context, CheckSamePixels(x, dy));
    const Images in(x);
    const Images out(dy);
    const int64_t in_channels = in.plane.channels;
    const int64_t out_channels = out.plane.channels;
    Tensor* gradient = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({3, 3, in_channels, out_channels}), &gradient));
    if (x.NumElements() == 0 || dy.NumElements() == 0) {
      gradient->flat<float>().setZero();
      return;
    }
    const Gemm& gemm = BestGemm();
    const WinogradTransforms& transforms = BestWinogradTransforms();
    const int64_t panel = gemm.panel_width;
    const int64_t in_width = RoundUp(in_channels, panel);
    const int64_t out_width = RoundUp(out_channels, panel);
    const TileGrid grid(in.count, in.plane.height, in.plane.width);
    // From the channels, not from their padded number, which depends on the processor.
    const int64_t bytes_per_tile = kFrequencies * (in_channels + out_channels) * sizeof(float);
    const int64_t tiles = std::min(grid.count, std::max(kMinGradientTiles, kGradientBytes / bytes_per_tile));

    const int64_t v_stride = tiles * in_width + kFrequencyPadding;   // [36][tiles][in]
    const int64_t d_stride = tiles * out_width + kFrequencyPadding;  // [36][panels][tiles][panel_width]
    const int64_t u_stride = in_channels * out_width + kFrequencyPadding;
    const Scratch scratch(kFrequencies * (v_stride + d_stride + u_stride));
    float* v = scratch.data();
    float* d = v + kFrequencies * v_stride;
    float* u = d + kFrequencies * d_stride;
    const float* x_data = Data(x);
    const float* dy_data = Data(dy);
    for (int64_t first = 0; first < grid.count; first += tiles) {
      const int64_t count = std::min(tiles, grid.count - first);
      ForEachRange(context, count, 40 * (in_width + out_width), [&](int64_t begin, int64_t end) {
        for (int64_t t = begin; t < end; ++t) {
          const int64_t tile = first + t;
          const int64_t row = grid.FirstRow(tile);
          const int64_t column = grid.FirstColumn(tile);
          transforms.input(x_data + grid.Image(tile) * in.Size(), in.plane, row - 1, column - 1,
                           {v + t * in_width, v_stride, panel});
          transforms.output_gradient(dy_data + grid.Image(tile) * out.Size(), out.plane, row, column,
                                     {d + t * panel, d_stride, tiles * panel});
        }
      });
      ForEachRange(context, kFrequencies, count * in_channels * out_channels / 8, [&](int64_t begin, int64_t end) {
        for (int64_t f = begin; f < end; ++f) {
          gemm.multiply({v + f * v_stride, 1, in_width, d + f * d_stride, tiles * panel, panel, u + f * u_stride,
                         out_width, in_channels, count, out_channels, first > 0});
        }
      });
    }
    float* gradient_data = Data(gradient);
    ForEachRange(context, in_channels, 100 * out_width, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        transforms.kernel_gradient({u + i * out_width, u_stride, panel}, in_channels * out_channels, out_channels,
                                   gradient_data + i * out_channels);
      }
    });
  }
};

}  // namespace

REGISTER_OP("ArcqueueConv3x3KernelGrad")
    .Input("x: float")
    .Input("dy: float")
    .Output("dkernel: float")
    .SetShapeFn(UnknownOutputs);

REGISTER_KERNEL_BUILDER(Name("ArcqueueConv3x3KernelGrad").Device(tensorflow::DEVICE_CPU), Conv3x3KernelGradOp);

}  // namespace arcqueue
