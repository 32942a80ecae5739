// The 3x3 depthwise convolution with stride 1 or 2 and one row and column of zeros around the image, and its two
// gradients. x is [n, h, w, c], the kernel [3, 3, c, 1], y [n, h', w', c]. A pass over memory each.

#include <algorithm>
#include <cstdint>

#include "depthwise_rows.h"
#include "operation.h"
#include "parallel.h"
#include "partial_sums.h"

namespace arcqueue {
namespace {

// Multiplications and additions of one output value.
constexpr int64_t kCostPerValue = 9;

absl::Status CheckImages(const Tensor& images, const Tensor& kernel) {
  if (images.dims() == 4 && kernel.dims() == 4 && kernel.dim_size(0) == 3 && kernel.dim_size(1) == 3 &&
      kernel.dim_size(2) == images.dim_size(3) && kernel.dim_size(3) == 1) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("The 3x3 depthwise convolution expects [n, h, w, c] and a kernel [3, 3, c, 1], found ",
                   images.shape().DebugString(), " and ", kernel.shape().DebugString()));
}

int64_t OutSize(int64_t size, int64_t stride) { return (size - 1) / stride + 1; }

DepthwiseShape ShapeOf(int64_t height, int64_t width, int64_t channels, int64_t stride) {
  return {height, width, OutSize(height, stride), OutSize(width, stride), channels, stride};
}

class DepthwiseKernel : public OpKernel {
 public:
  explicit DepthwiseKernel(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("stride", &stride_));
    OP_REQUIRES(construction, stride_ == 1 || stride_ == 2,
                absl::InvalidArgumentError(absl::StrCat("Expected a stride of 1 or 2, found ", stride_)));
  }

 protected:
  int64_t stride_;
};

class DepthwiseOp : public DepthwiseKernel {
 public:
  using DepthwiseKernel::DepthwiseKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& kernel = context->input(1);
    OP_REQUIRES_OK(context, CheckImages(x, kernel));
    const DepthwiseShape shape = ShapeOf(x.dim_size(1), x.dim_size(2), x.dim_size(3), stride_);
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context,
                   context->allocate_output(
                       0, TensorShape({x.dim_size(0), shape.out_height, shape.out_width, shape.channels}), &y));
    if (y->NumElements() == 0) return;
    const float* x_data = Data(x);
    const float* kernel_data = Data(kernel);
    float* y_data = Data(y);
    const int64_t row_size = shape.out_width * shape.channels;
    const DepthwiseRows& rows = BestDepthwiseRows();
    ForEachRange(context, x.dim_size(0) * shape.out_height, kCostPerValue * row_size, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float* image = x_data + i / shape.out_height * shape.height * shape.width * shape.channels;
        rows.forward(shape, image, kernel_data, i % shape.out_height, y_data + i * row_size);
      }
    });
  }
};

// Takes x's height and width as an input because stride 2 maps two sizes to one.
class DepthwiseInputGradOp : public DepthwiseKernel {
 public:
  using DepthwiseKernel::DepthwiseKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& dy = context->input(0);
    const Tensor& kernel = context->input(1);
    const Tensor& sizes = context->input(2);  // [n, h, w, c]
    OP_REQUIRES_OK(context, CheckImages(dy, kernel));
    OP_REQUIRES(context, sizes.NumElements() == 4, absl::InvalidArgumentError("Expected four sizes of the input"));
    const auto size = sizes.flat<int32_t>();
    const DepthwiseShape shape = ShapeOf(size(1), size(2), dy.dim_size(3), stride_);
    OP_REQUIRES(context, shape.out_height == dy.dim_size(1) && shape.out_width == dy.dim_size(2),
                absl::InvalidArgumentError(absl::StrCat("Expected dy of ", shape.out_height, " by ", shape.out_width,
                                                    " pixels, found ", dy.shape().DebugString())));
    Tensor* dx = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(
                                0, TensorShape({dy.dim_size(0), shape.height, shape.width, shape.channels}), &dx));
    if (dx->NumElements() == 0) return;
    const float* dy_data = Data(dy);
    const float* kernel_data = Data(kernel);
    float* dx_data = Data(dx);
    const int64_t row_size = shape.width * shape.channels;
    const DepthwiseRows& rows = BestDepthwiseRows();
    ForEachRange(context, dy.dim_size(0) * shape.height, kCostPerValue * row_size, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const float* image = dy_data + i / shape.height * shape.out_height * shape.out_width * shape.channels;
        rows.input_gradient(shape, image, kernel_data, i % shape.height, dx_data + i * row_size);
      }
    });
  }
};

class DepthwiseKernelGradOp : public DepthwiseKernel {
 public:
  using DepthwiseKernel::DepthwiseKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& dy = context->input(1);
    OP_REQUIRES(context, x.dims() == 4 && dy.dims() == 4,
                absl::InvalidArgumentError("The 3x3 depthwise convolution's gradient expects [n, h, w, c] twice"));
    const int64_t channels = x.dim_size(3);
    const int64_t images = x.dim_size(0);
    const DepthwiseShape shape = ShapeOf(x.dim_size(1), x.dim_size(2), channels, stride_);
    OP_REQUIRES(context,
                dy.shape() == TensorShape({images, shape.out_height, shape.out_width, channels}),
                absl::InvalidArgumentError(absl::StrCat("dy ", dy.shape().DebugString(), " does not belong to x ",
                                                    x.shape().DebugString())));
    Tensor* gradient = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({3, 3, channels, 1}), &gradient));
    Tensor partial;  // [n, 3, 3, c]: one sum per image, whatever the number of threads
    OP_REQUIRES_OK(context, AllocateScratch(context, TensorShape({images, 9 * channels}), &partial));
    const float* x_data = Data(x);
    const float* dy_data = Data(dy);
    float* partial_data = Data(&partial);
    const int64_t row_size = shape.out_width * channels;
    const DepthwiseRows& rows = BestDepthwiseRows();
    ForEachRange(context, images, kCostPerValue * shape.out_height * row_size, [&](int64_t begin, int64_t end) {
      for (int64_t image = begin; image < end; ++image) {
        float* sums = partial_data + image * 9 * channels;
        std::fill(sums, sums + 9 * channels, 0.0f);
        for (int64_t row = 0; row < shape.out_height; ++row) {
          rows.kernel_gradient(shape, x_data + image * shape.height * shape.width * channels,
                               dy_data + (image * shape.out_height + row) * row_size, row, sums);
        }
      }
    });
    SumParts(context, partial_data, images, 9 * channels, Data(gradient));
  }
};

}  // namespace

REGISTER_OP("ArcqueueDepthwise3x3")
    .Input("x: float")
    .Input("kernel: float")
    .Attr("stride: int")
    .Output("y: float")
    .SetShapeFn(UnknownOutputs);

REGISTER_OP("ArcqueueDepthwise3x3InputGrad")
    .Input("dy: float")
    .Input("kernel: float")
    .Input("input_sizes: int32")
    .Attr("stride: int")
    .Output("dx: float")
    .SetShapeFn(UnknownOutputs);

REGISTER_OP("ArcqueueDepthwise3x3KernelGrad")
    .Input("x: float")
    .Input("dy: float")
    .Attr("stride: int")
    .Output("dkernel: float")
    .SetShapeFn(UnknownOutputs);

REGISTER_KERNEL_BUILDER(Name("ArcqueueDepthwise3x3").Device(tensorflow::DEVICE_CPU), DepthwiseOp);
REGISTER_KERNEL_BUILDER(Name("ArcqueueDepthwise3x3InputGrad").Device(tensorflow::DEVICE_CPU), DepthwiseInputGradOp);
REGISTER_KERNEL_BUILDER(Name("ArcqueueDepthwise3x3KernelGrad").Device(tensorflow::DEVICE_CPU), DepthwiseKernelGradOp);

}  // namespace arcqueue
