// The gradient of the convolution of conv_general.h with respect to its kernel.

#include <algorithm>
#include <cstdint>

#include "conv_general.h"
#include "gemm.h"
#include "operation.h"
#include "parallel.h"
#include "partial_sums.h"

namespace arcqueue {
namespace {

// The gradient is a sum over all output pixels.
constexpr int64_t kMostParts = 16;
constexpr int64_t kLeastPixels = 1024;

class ConvGeneralKernelGradOp : public ConvGeneralKernel {
 public:
  using ConvGeneralKernel::ConvGeneralKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& dy = context->input(1);
    OP_REQUIRES(context, x.dims() == 4 && dy.dims() == 4,
                absl::InvalidArgumentError("The convolution's gradient expects [n, h, w, c] twice"));
    Geometry g;
    OP_REQUIRES_OK(context, ToGeometry(x.dim_size(0), x.dim_size(1), x.dim_size(2), x.dim_size(3), dy.dim_size(3), &g));
    OP_REQUIRES_OK(context, CheckGradient(g, dy));
    Tensor* gradient = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({g.kernel, g.kernel, g.in, g.out}), &gradient));
    const int64_t depth = g.Depth();
    const Parts parts(g.OutPixels(), kMostParts, kLeastPixels);
    Tensor partial;  // [parts, k*k*in, out]
    OP_REQUIRES_OK(context, AllocateScratch(context, TensorShape({parts.count, depth * g.out}), &partial));
    const Gemm& gemm = BestGemm();
    const float* x_data = Data(x);
    const float* dy_data = Data(dy);
    float* partial_data = Data(&partial);
    const int64_t work = depth * g.out == 0 ? 0 : parts.count;
    ForEachRange(context, work, parts.size * depth * g.out / 16, [&](int64_t begin, int64_t end) {
      const Scratch rows(kPixels * depth);
      const Scratch panels(kPixels * RoundUp(g.out, gemm.panel_width));
      for (int64_t part = begin; part < end; ++part) {
        for (int64_t first = parts.First(part); first < parts.End(part); first += kPixels) {
          const int64_t count = std::min(kPixels, parts.End(part) - first);
          Gather(g, x_data, first, count, rows.data());
          gemm.pack(dy_data + first * g.out, g.out, count, g.out, panels.data());
          gemm.multiply({rows.data(), 1, depth, panels.data(), count * gemm.panel_width, gemm.panel_width,
                         partial_data + part * depth * g.out, g.out, depth, count, g.out, first > parts.First(part)});
        }
      }
    });
    SumParts(context, partial_data, parts.count, depth * g.out, Data(gradient));
  }
};

}  // namespace

REGISTER_OP("ArcqueueConvGeneralKernelGrad")
    .Input("x: float")
    .Input("dy: float")
    .Attr("kernel: int")
    .Attr("stride: int")
    .Attr("padding: int")
    .Output("dweights: float")
    .SetShapeFn(UnknownOutputs);

REGISTER_KERNEL_BUILDER(Name("ArcqueueConvGeneralKernelGrad").Device(tensorflow::DEVICE_CPU), ConvGeneralKernelGradOp);

}  // namespace arcqueue
