// The 3x3 convolution with stride 1 and one row and column of zeros around the image, and its two gradients, by
// Winograd's F(4x4, 3x3) (winograd.h). x is [n, h, w, in], the kernel [3, 3, in, out], y [n, h, w, out].

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "gemm.h"
#include "parallel.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"
#include "winograd.h"

namespace arcqueue {
namespace {

using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;

// Without it the 36 frequencies of one tile would lie at multiples of 4 KiB, in one set of the first cache.
constexpr int64_t kFrequencyPadding = 16;
// Tiles that one thread carries from input to output at once: transforms and products then stay in the second cache.
// More where the kernel is so large that fetching it is the cost.
constexpr int64_t kTiles = 48;
constexpr int64_t kTilesOfLargeKernel = 96;
constexpr int64_t kLargeKernel = 128 * 256;
// The kernel's gradient sums over this many tiles at once. The order of that sum decides the bits of the result, so the
// number depends on the shapes alone.
constexpr int64_t kMinGradientTiles = 128;
constexpr int64_t kGradientBytes = 4 << 20;

// How the tiles of a batch of images are numbered.
struct TileGrid {
  TileGrid(int64_t images, int64_t height, int64_t width)
      : columns((width + kTileOut - 1) / kTileOut),
        per_image((height + kTileOut - 1) / kTileOut * columns),
        count(images * per_image) {}

  int64_t Image(int64_t tile) const { return tile / per_image; }
  int64_t FirstRow(int64_t tile) const { return tile % per_image / columns * kTileOut; }
  int64_t FirstColumn(int64_t tile) const { return tile % columns * kTileOut; }

  int64_t columns;
  int64_t per_image;
  int64_t count;
};

// [n, h, w, channels]
struct Images {
  explicit Images(const Tensor& tensor)
      : count(tensor.dim_size(0)), plane{tensor.dim_size(1), tensor.dim_size(2), tensor.dim_size(3)} {}
  int64_t Size() const { return plane.height * plane.width * plane.channels; }

  int64_t count;
  Plane plane;
};

absl::Status CheckKernel(const Tensor& images, const Tensor& kernel, int channel_axis) {
  if (images.dims() == 4 && kernel.dims() == 4 && kernel.dim_size(0) == 3 && kernel.dim_size(1) == 3 &&
      kernel.dim_size(channel_axis) == images.dim_size(3)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("The 3x3 convolution expects [n, h, w, c] and a kernel [3, 3, in, out], found ",
                                             images.shape().DebugString(), " and ", kernel.shape().DebugString()));
}

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
  TF_RETURN_IF_ERROR(context->allocate_temp(tensorflow::DT_FLOAT,
                                            TensorShape({kFrequencies * in_channels * out_width}), &kernel_spectrum));
  float* u = kernel_spectrum.flat<float>().data();
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
  const float* x_data = x.flat<float>().data();
  float* y_data = y->flat<float>().data();
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
  explicit Conv3x3Op(OpKernelConstruction* construction) : OpKernel(construction) {}

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& kernel = context->input(1);
    OP_REQUIRES_OK(context, CheckKernel(x, kernel, 2));
    TensorShape shape = x.shape();
    shape.set_dim(3, kernel.dim_size(3));
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, shape, &y));
    OP_REQUIRES_OK(context, Convolve(context, x, kernel.flat<float>().data(), y));
  }
};

// dx is the convolution of dy with the kernel turned by 180 degrees, its two channel axes exchanged.
class Conv3x3InputGradOp : public OpKernel {
 public:
  explicit Conv3x3InputGradOp(OpKernelConstruction* construction) : OpKernel(construction) {}

  void Compute(OpKernelContext* context) override {
    const Tensor& dy = context->input(0);
    const Tensor& kernel = context->input(1);
    OP_REQUIRES_OK(context, CheckKernel(dy, kernel, 3));
    const int64_t in = kernel.dim_size(2);
    const int64_t out = kernel.dim_size(3);
    TensorShape shape = dy.shape();
    shape.set_dim(3, in);
    Tensor* dx = nullptr;
    Tensor turned;  // [3, 3, out, in]
    OP_REQUIRES_OK(context, context->allocate_output(0, shape, &dx));
    OP_REQUIRES_OK(context, context->allocate_temp(tensorflow::DT_FLOAT, TensorShape({3, 3, out, in}), &turned));
    const float* from = kernel.flat<float>().data();
    float* to = turned.flat<float>().data();
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

class Conv3x3KernelGradOp : public OpKernel {
 public:
  explicit Conv3x3KernelGradOp(OpKernelConstruction* construction) : OpKernel(construction) {}

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& dy = context->input(1);
    OP_REQUIRES(context,
                x.dims() == 4 && dy.dims() == 4 && x.dim_size(0) == dy.dim_size(0) &&
                    x.dim_size(1) == dy.dim_size(1) && x.dim_size(2) == dy.dim_size(2),
                absl::InvalidArgumentError(absl::StrCat("The 3x3 convolution's gradient expects [n, h, w, c] twice, found ",
                                                    x.shape().DebugString(), " and ", dy.shape().DebugString())));
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
    const float* x_data = x.flat<float>().data();
    const float* dy_data = dy.flat<float>().data();
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
    float* gradient_data = gradient->flat<float>().data();
    ForEachRange(context, in_channels, 100 * out_width, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        transforms.kernel_gradient({u + i * out_width, u_stride, panel}, in_channels * out_channels, out_channels,
                                   gradient_data + i * out_channels);
      }
    });
  }
};

// Shapes are checked when the kernel runs; this service builds no graphs that would ask for them earlier.
absl::Status UnknownOutput(tensorflow::shape_inference::InferenceContext* context) {
  context->set_output(0, context->UnknownShape());
  return absl::OkStatus();
}

}  // namespace

REGISTER_OP("ArcqueueConv3x3")
    .Input("x: float")
    .Input("kernel: float")
    .Output("y: float")
    .SetShapeFn(UnknownOutput);

REGISTER_OP("ArcqueueConv3x3InputGrad")
    .Input("dy: float")
    .Input("kernel: float")
    .Output("dx: float")
    .SetShapeFn(UnknownOutput);

REGISTER_OP("ArcqueueConv3x3KernelGrad")
    .Input("x: float")
    .Input("dy: float")
    .Output("dkernel: float")
    .SetShapeFn(UnknownOutput);

REGISTER_KERNEL_BUILDER(Name("ArcqueueConv3x3").Device(tensorflow::DEVICE_CPU), Conv3x3Op);
REGISTER_KERNEL_BUILDER(Name("ArcqueueConv3x3InputGrad").Device(tensorflow::DEVICE_CPU), Conv3x3InputGradOp);
REGISTER_KERNEL_BUILDER(Name("ArcqueueConv3x3KernelGrad").Device(tensorflow::DEVICE_CPU), Conv3x3KernelGradOp);

}  // namespace arcqueue
