// The 3x3 convolution with stride 1 and one row and column of zeros around the image, and its gradient with respect to
// the image, by Winograd's F(4x4, 3x3) (winograd.h). x is [n, h, w, in], the kernel [3, 3, in, out], y [n, h, w, out].

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

// Tiles that one thread carries from input to output at once: transforms and products then stay in the second cache.
// More where the kernel is so large that fetching it is the cost.
constexpr int64_t kTiles = 48;
constexpr int64_t kTilesOfLargeKernel = 96;
constexpr int64_t kLargeKernel = 128 * 256;

// y = x * kernel. `kernel` is [3, 3, in, out] as in TensorFlow, correlation rather than convolution.
absl::Status Convolve(OpKernelContext* context, const Tensor& x, const float* kernel, Tensor* y) {
  const Images in(x);
  const Images out(*y);
  const int64_t in_channels = in.plane.channels;
  const int64_t out_channels = out.plane.channels;
  if (y->NumElements() == 0) return absl::OkStatus();
  const Gemm& gemm = BestGemm();
  const WinogradTransforms& transforms = BestWinogradTransforms();
  const int64_t in_width = RoundUp(in_channels, gemm.panel_width);
  const int64_t out_width = RoundUp(out_channels, gemm.panel_width);

  Tensor kernel_spectrum;  // [36][panels][in][panel_width]
  TF_RETURN_IF_ERROR(AllocateScratch(context, TensorShape({kFrequencies * in_channels * out_width}), &kernel_spectrum));
  float* u = Data(&kernel_spectrum);
  ForEachRange(context, in_channels, 100 * out_width, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Spectrum to{u + i * gemm.panel_width, in_channels * out_width, in_channels * gemm.panel_width};
      transforms.kernel(kernel + i * out_channels, in_channels * out_channels, out_channels, to);
    }
  });

  const TileGrid grid(in.count, in.plane.height, in.plane.width);
  const int64_t wanted = in_channels * out_channels > kLargeKernel ? kTilesOfLargeKernel : kTiles;
  // Each thread gets the same number of blocks of nearly the same size.
  const int64_t threads = ThreadCount(context);
  const int64_t blocks = std::min(grid.count, RoundUp((grid.count + wanted - 1) / wanted, threads));
  const int64_t tiles = (grid.count + blocks - 1) / blocks;
  const float* x_data = Data(x);
  float* y_data = Data(y);
  ForEachRange(context, blocks, tiles * kFrequencies * in_channels * out_channels / 8, [&](int64_t begin, int64_t end) {
    const Spectrum v{nullptr, tiles * in_width + kFrequencyPadding, gemm.panel_width};
    const Spectrum m{nullptr, tiles * out_width + kFrequencyPadding, gemm.panel_width};
    const Scratch scratch(kFrequencies * (v.frequency_stride + m.frequency_stride));
    float* v_data = scratch.data();
    float* m_data = v_data + kFrequencies * v.frequency_stride;
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = grid.count * block / blocks;
      const int64_t count = grid.count * (block + 1) / blocks - first;
      for (int64_t t = 0; t < count; ++t) {
        const int64_t tile = first + t;
        transforms.input(x_data + grid.Image(tile) * in.Size(), in.plane, grid.FirstRow(tile) - 1,
                         grid.FirstColumn(tile) - 1, {v_data + t * in_width, v.frequency_stride, v.panel_stride});
      }
      for (int64_t f = 0; f < kFrequencies; ++f) {
        gemm.multiply({v_data + f * v.frequency_stride, in_width, 1, u + f * in_channels * out_width,
                       in_channels * gemm.panel_width, gemm.panel_width, m_data + f * m.frequency_stride, out_width,
                       count, in_channels, out_channels, false});
      }
      for (int64_t t = 0; t < count; ++t) {
        const int64_t tile = first + t;
        transforms.output({m_data + t * out_width, m.frequency_stride, m.panel_stride}, out.plane, grid.FirstRow(tile),
                          grid.FirstColumn(tile), y_data + grid.Image(tile) * out.Size());
      }
    }
  });
  return absl::OkStatus();
}

class Conv3x3Op : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& kernel = context->input(1);
    OP_REQUIRES_OK(context, CheckKernel(x, kernel, 3, 2));
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, WithChannels(x, kernel.dim_size(3)), &y));
    OP_REQUIRES_OK(context, Convolve(context, x, Data(kernel), y));
  }
};

// dx is the convolution of dy with the kernel turned by 180 degrees, its two channel axes exchanged.
class Conv3x3InputGradOp : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& dy = context->input(0);
    const Tensor& kernel = context->input(1);
    OP_REQUIRES_OK(context, CheckKernel(dy, kernel, 3, 3));
    const int64_t in = kernel.dim_size(2);
    const int64_t out = kernel.dim_size(3);
    Tensor* dx = nullptr;
    Tensor turned;  // [3, 3, out, in]
    OP_REQUIRES_OK(context, context->allocate_output(0, WithChannels(dy, in), &dx));
    OP_REQUIRES_OK(context, AllocateScratch(context, TensorShape({3, 3, out, in}), &turned));
    const float* from = Data(kernel);
    float* to = Data(&turned);
    ForEachRange(context, 9 * in, 2 * out, [=](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const int64_t tap = row / in;
        const int64_t i = row % in;
        for (int64_t o = 0; o < out; ++o) to[((8 - tap) * out + o) * in + i] = from[row * out + o];
      }
    });
    OP_REQUIRES_OK(context, Convolve(context, dy, to, dx));
  }
};

}  // namespace

REGISTER_OP("ArcqueueConv3x3")
    .Input("x: float")
    .Input("kernel: float")
    .Output("y: float")
    .SetShapeFn(UnknownOutputs);

REGISTER_OP("ArcqueueConv3x3InputGrad")
    .Input("dy: float")
    .Input("kernel: float")
    .Output("dx: float")
    .SetShapeFn(UnknownOutputs);

REGISTER_KERNEL_BUILDER(Name("ArcqueueConv3x3").Device(tensorflow::DEVICE_CPU), Conv3x3Op);
REGISTER_KERNEL_BUILDER(Name("ArcqueueConv3x3InputGrad").Device(tensorflow::DEVICE_CPU), Conv3x3InputGradOp);

}  // namespace arcqueue
