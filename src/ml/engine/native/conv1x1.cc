// The 1x1 convolution with stride 1 and its two gradients, as matrix products: x is [rows, in] with a row per pixel of
// the batch, the kernel [in, out], y [rows, out]. In and out of TensorFlow they are [n, h, w, c] and [1, 1, in, out].

#include <algorithm>
#include <cstdint>

#include "convolution_checks.h"
#include "gemm.h"
#include "operation.h"
#include "parallel.h"
#include "partial_sums.h"

namespace arcqueue {
namespace {

// Rows that a thread multiplies by one panel of the kernel before it goes on to the next panel.
constexpr int64_t kRows = 192;
// The kernel's gradient is a sum over all rows.
constexpr int64_t kMostParts = 32;
constexpr int64_t kLeastRows = 1024;
constexpr int64_t kRowsPerPack = 256;

// y [rows, columns] = x [rows, depth] times the kernel, which is [depth, columns] or stored as [columns, depth].
absl::Status MultiplyRows(OpKernelContext* context, const Tensor& x, const Tensor& kernel, bool is_transposed,
                          Tensor* y) {
  if (y->NumElements() == 0) return absl::OkStatus();
  const Gemm& gemm = BestGemm();
  const int64_t depth = x.dim_size(3);
  const int64_t columns = y->dim_size(3);
  const int64_t rows = y->NumElements() / columns;
  Tensor packed;
  TF_RETURN_IF_ERROR(AllocateScratch(context, TensorShape({depth * RoundUp(columns, gemm.panel_width)}), &packed));
  const auto pack = is_transposed ? gemm.pack_transposed : gemm.pack;
  pack(Data(kernel), is_transposed ? depth : columns, depth, columns, Data(&packed));

  const float* a = Data(x);
  const float* b = Data(packed);
  float* c = Data(y);
  const int64_t blocks = (rows + kRows - 1) / kRows;
  ForEachRange(context, blocks, kRows * depth * columns / 16, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin * kRows; row < std::min(end * kRows, rows); row += kRows) {
      gemm.multiply({a + row * depth, depth, 1, b, depth * gemm.panel_width, gemm.panel_width, c + row * columns, columns,
                     std::min(kRows, rows - row), depth, columns, false});
    }
  });
  return absl::OkStatus();
}

class Conv1x1Op : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& kernel = context->input(1);
    OP_REQUIRES_OK(context, CheckKernel(x, kernel, 1, 2));
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, WithChannels(x, kernel.dim_size(3)), &y));
    OP_REQUIRES_OK(context, MultiplyRows(context, x, kernel, false, y));
  }
};

class Conv1x1InputGradOp : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& dy = context->input(0);
    const Tensor& kernel = context->input(1);
    OP_REQUIRES_OK(context, CheckKernel(dy, kernel, 1, 3));
    Tensor* dx = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, WithChannels(dy, kernel.dim_size(2)), &dx));
    OP_REQUIRES_OK(context, MultiplyRows(context, dy, kernel, true, dx));
  }
};

// dkernel [in, out] = x^T dy
class Conv1x1KernelGradOp : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& dy = context->input(1);
    OP_REQUIRES_OK(context, CheckSamePixels(x, dy));
    const int64_t in = x.dim_size(3);
    const int64_t out = dy.dim_size(3);
    Tensor* gradient = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({1, 1, in, out}), &gradient));
    const Parts parts(in == 0 ? 0 : x.NumElements() / in, kMostParts, kLeastRows);
    Tensor partial;  // [parts, in, out]
    OP_REQUIRES_OK(context, AllocateScratch(context, TensorShape({parts.count, in, out}), &partial));
    const Gemm& gemm = BestGemm();
    const float* x_data = Data(x);
    const float* dy_data = Data(dy);
    float* partial_data = Data(&partial);
    ForEachRange(context, in * out == 0 ? 0 : parts.count, parts.size * in * out / 16, [&](int64_t begin, int64_t end) {
      const Scratch panels(kRowsPerPack * RoundUp(out, gemm.panel_width));
      for (int64_t part = begin; part < end; ++part) {
        for (int64_t row = parts.First(part); row < parts.End(part); row += kRowsPerPack) {
          const int64_t count = std::min(kRowsPerPack, parts.End(part) - row);
          gemm.pack(dy_data + row * out, out, count, out, panels.data());
          gemm.multiply({x_data + row * in, 1, in, panels.data(), count * gemm.panel_width, gemm.panel_width,
                         partial_data + part * in * out, out, in, count, out, row > parts.First(part)});
        }
      }
    });
    SumParts(context, partial_data, parts.count, in * out, Data(gradient));
  }
};

}  // namespace

REGISTER_OP("ArcqueueConv1x1")
    .Input("x: float")
    .Input("kernel: float")
    .Output("y: float")
    .SetShapeFn(UnknownOutputs);

REGISTER_OP("ArcqueueConv1x1InputGrad")
    .Input("dy: float")
    .Input("kernel: float")
    .Output("dx: float")
    .SetShapeFn(UnknownOutputs);

REGISTER_OP("ArcqueueConv1x1KernelGrad")
    .Input("x: float")
    .Input("dy: float")
    .Output("dkernel: float")
    .SetShapeFn(UnknownOutputs);

REGISTER_KERNEL_BUILDER(Name("ArcqueueConv1x1").Device(tensorflow::DEVICE_CPU), Conv1x1Op);
REGISTER_KERNEL_BUILDER(Name("ArcqueueConv1x1InputGrad").Device(tensorflow::DEVICE_CPU), Conv1x1InputGradOp);
REGISTER_KERNEL_BUILDER(Name("ArcqueueConv1x1KernelGrad").Device(tensorflow::DEVICE_CPU), Conv1x1KernelGradOp);

}  // namespace arcqueue
