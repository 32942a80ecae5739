// The convolution of any kernel size, stride and padding (conv_general.h), and its gradient with respect to the image.

#include <algorithm>
#include <cstdint>

#include "conv_general.h"
#include "convolution_checks.h"
#include "gemm.h"
#include "operation.h"
#include "parallel.h"

namespace arcqueue {
namespace {

class ConvGeneralOp : public ConvGeneralKernel {
 public:
  using ConvGeneralKernel::ConvGeneralKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& kernel = context->input(1);
    OP_REQUIRES_OK(context, CheckKernel(x, kernel, kernel_, 2));
    Geometry g;
    OP_REQUIRES_OK(context, ToGeometry(x.dim_size(0), x.dim_size(1), x.dim_size(2), x.dim_size(3), kernel.dim_size(3), &g));
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({g.images, g.out_height, g.out_width, g.out}), &y));
    if (y->NumElements() == 0) return;
    const Gemm& gemm = BestGemm();
    const int64_t depth = g.Depth();
    Tensor packed;
    OP_REQUIRES_OK(context, AllocateScratch(context, TensorShape({depth * RoundUp(g.out, gemm.panel_width)}), &packed));
    const float* b = Data(packed);
    gemm.pack(Data(kernel), g.out, depth, g.out, Data(&packed));
    const float* x_data = Data(x);
    float* y_data = Data(y);
    const int64_t blocks = (g.OutPixels() + kPixels - 1) / kPixels;
    ForEachRange(context, blocks, kPixels * depth * g.out / 16, [&](int64_t begin, int64_t end) {
      const Scratch rows(kPixels * depth);
      for (int64_t block = begin; block < end; ++block) {
        const int64_t first = block * kPixels;
        const int64_t count = std::min(kPixels, g.OutPixels() - first);
        Gather(g, x_data, first, count, rows.data());
        gemm.multiply({rows.data(), depth, 1, b, depth * gemm.panel_width, gemm.panel_width, y_data + first * g.out, g.out,
                       count, depth, g.out, false});
      }
    });
  }
};

// Takes the sizes of x as an input because a stride maps several of them to one.
class ConvGeneralInputGradOp : public ConvGeneralKernel {
 public:
  using ConvGeneralKernel::ConvGeneralKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& dy = context->input(0);
    const Tensor& kernel = context->input(1);
    const Tensor& sizes = context->input(2);  // [n, h, w, in]
    OP_REQUIRES_OK(context, CheckKernel(dy, kernel, kernel_, 3));
    OP_REQUIRES(context, sizes.NumElements() == 4, absl::InvalidArgumentError("Expected four sizes of the input"));
    const auto size = sizes.flat<int32_t>();
    Geometry g;
    OP_REQUIRES_OK(context, ToGeometry(size(0), size(1), size(2), kernel.dim_size(2), dy.dim_size(3), &g));
    OP_REQUIRES_OK(context, CheckGradient(g, dy));
    Tensor* dx = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({g.images, g.height, g.width, g.in}), &dx));
    if (dx->NumElements() == 0) return;
    const Gemm& gemm = BestGemm();
    const int64_t depth = g.Depth();
    Tensor packed;  // the kernel as [out, k*k*in]
    OP_REQUIRES_OK(context, AllocateScratch(context, TensorShape({g.out * RoundUp(depth, gemm.panel_width)}), &packed));
    const float* b = Data(packed);
    gemm.pack_transposed(Data(kernel), g.out, g.out, depth, Data(&packed));
    const float* dy_data = Data(dy);
    float* dx_data = Data(dx);
    // One thread adds up an image: the order of its sums is fixed, and no two threads write to one place.
    ForEachRange(context, g.images, g.OutPixelsPerImage() * depth * g.out / 16, [&](int64_t begin, int64_t end) {
      const Scratch rows(kPixels * depth);
      for (int64_t i = begin; i < end; ++i) {
        float* image = dx_data + i * g.ImageSize();
        std::fill(image, image + g.ImageSize(), 0.0f);
        for (int64_t first = 0; first < g.OutPixelsPerImage(); first += kPixels) {
          const int64_t count = std::min(kPixels, g.OutPixelsPerImage() - first);
          gemm.multiply({dy_data + (i * g.OutPixelsPerImage() + first) * g.out, g.out, 1, b, g.out * gemm.panel_width,
                         gemm.panel_width, rows.data(), depth, count, g.out, depth, false});
          ScatterAdd(g, rows.data(), first, count, image);
        }
      }
    });
  }
};

}  // namespace

REGISTER_OP("ArcqueueConvGeneral")
    .Input("x: float")
    .Input("weights: float")
    .Attr("kernel: int")
    .Attr("stride: int")
    .Attr("padding: int")
    .Output("y: float")
    .SetShapeFn(UnknownOutputs);

REGISTER_OP("ArcqueueConvGeneralInputGrad")
    .Input("dy: float")
    .Input("weights: float")
    .Input("input_sizes: int32")
    .Attr("kernel: int")
    .Attr("stride: int")
    .Attr("padding: int")
    .Output("dx: float")
    .SetShapeFn(UnknownOutputs);

REGISTER_KERNEL_BUILDER(Name("ArcqueueConvGeneral").Device(tensorflow::DEVICE_CPU), ConvGeneralOp);
REGISTER_KERNEL_BUILDER(Name("ArcqueueConvGeneralInputGrad").Device(tensorflow::DEVICE_CPU), ConvGeneralInputGradOp);

}  // namespace arcqueue
