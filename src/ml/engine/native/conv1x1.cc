// The 1x1 convolution with stride 1 and its two gradients, as matrix products: x is [rows, in] with a row per pixel of
// the batch, the kernel [in, out], y [rows, out]. In and out of TensorFlow they are [n, h, w, c] and [1, 1, in, out].

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "gemm.h"
#include "parallel.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace arcqueue {
namespace {

using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;

// Rows that a thread multiplies by one panel of the kernel before it goes on to the next panel.
constexpr int64_t kRows = 192;
// The kernel's gradient is a sum over all rows. It is cut into at most kChunks parts by the number of rows alone, so
// that its bits do not depend on the number of threads.
constexpr int64_t kChunks = 32;
constexpr int64_t kMinChunkRows = 1024;
constexpr int64_t kRowsPerPack = 256;

absl::Status CheckKernel(const Tensor& images, const Tensor& kernel, int channel_axis) {
  if (images.dims() == 4 && kernel.dims() == 4 && kernel.dim_size(0) == 1 && kernel.dim_size(1) == 1 &&
      kernel.dim_size(channel_axis) == images.dim_size(3)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("The 1x1 convolution expects [n, h, w, c] and a kernel [1, 1, in, out], found ",
                                             images.shape().DebugString(), " and ", kernel.shape().DebugString()));
}

// y [rows, columns] = x [rows, depth] times the kernel, which is [depth, columns] or stored as [columns, depth].
absl::Status MultiplyRows(OpKernelContext* context, const Tensor& x, const Tensor& kernel, bool is_transposed,
                          Tensor* y) {
  if (y->NumElements() == 0) return absl::OkStatus();
  const Gemm& gemm = BestGemm();
  const int64_t depth = x.dim_size(3);
  const int64_t columns = y->dim_size(3);
  const int64_t rows = y->NumElements() / columns;
  Tensor packed;
  TF_RETURN_IF_ERROR(context->allocate_temp(tensorflow::DT_FLOAT,
                                            TensorShape({depth * RoundUp(columns, gemm.panel_width)}), &packed));
  const auto pack = is_transposed ? gemm.pack_transposed : gemm.pack;
  pack(kernel.flat<float>().data(), is_transposed ? depth : columns, depth, columns, packed.flat<float>().data());

  const float* a = x.flat<float>().data();
  const float* b = packed.flat<float>().data();
  float* c = y->flat<float>().data();
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
  explicit Conv1x1Op(OpKernelConstruction* construction) : OpKernel(construction) {}

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& kernel = context->input(1);
    OP_REQUIRES_OK(context, CheckKernel(x, kernel, 2));
    TensorShape shape = x.shape();
    shape.set_dim(3, kernel.dim_size(3));
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, shape, &y));
    OP_REQUIRES_OK(context, MultiplyRows(context, x, kernel, false, y));
  }
};

class Conv1x1InputGradOp : public OpKernel {
 public:
  explicit Conv1x1InputGradOp(OpKernelConstruction* construction) : OpKernel(construction) {}

  void Compute(OpKernelContext* context) override {
    const Tensor& dy = context->input(0);
    const Tensor& kernel = context->input(1);
    OP_REQUIRES_OK(context, CheckKernel(dy, kernel, 3));
    TensorShape shape = dy.shape();
    shape.set_dim(3, kernel.dim_size(2));
    Tensor* dx = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, shape, &dx));
    OP_REQUIRES_OK(context, MultiplyRows(context, dy, kernel, true, dx));
  }
};

// dkernel [in, out] = x^T dy
class Conv1x1KernelGradOp : public OpKernel {
 public:
  explicit Conv1x1KernelGradOp(OpKernelConstruction* construction) : OpKernel(construction) {}

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& dy = context->input(1);
    OP_REQUIRES(context,
                x.dims() == 4 && dy.dims() == 4 && x.dim_size(0) == dy.dim_size(0) &&
                    x.dim_size(1) == dy.dim_size(1) && x.dim_size(2) == dy.dim_size(2),
                absl::InvalidArgumentError(absl::StrCat("The 1x1 convolution's gradient expects [n, h, w, c] twice, found ",
                                                    x.shape().DebugString(), " and ", dy.shape().DebugString())));
    const int64_t in = x.dim_size(3);
    const int64_t out = dy.dim_size(3);
    Tensor* gradient = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({1, 1, in, out}), &gradient));
    float* gradient_data = gradient->flat<float>().data();
    const int64_t rows = in == 0 ? 0 : x.NumElements() / in;
    std::fill(gradient_data, gradient_data + in * out, 0.0f);
    if (rows == 0 || out == 0) return;

    const Gemm& gemm = BestGemm();
    const int64_t chunk_rows = std::max(kMinChunkRows, (rows + kChunks - 1) / kChunks);
    const int64_t chunks = (rows + chunk_rows - 1) / chunk_rows;
    Tensor partial;  // [chunks, in, out]
    OP_REQUIRES_OK(context, context->allocate_temp(tensorflow::DT_FLOAT, TensorShape({chunks, in, out}), &partial));
    float* partial_data = partial.flat<float>().data();
    const float* x_data = x.flat<float>().data();
    const float* dy_data = dy.flat<float>().data();
    ForEachRange(context, chunks, chunk_rows * in * out / 16, [&](int64_t begin, int64_t end) {
      const Scratch panels(kRowsPerPack * RoundUp(out, gemm.panel_width));
      for (int64_t chunk = begin; chunk < end; ++chunk) {
        const int64_t first = chunk * chunk_rows;
        const int64_t last = std::min(first + chunk_rows, rows);
        for (int64_t row = first; row < last; row += kRowsPerPack) {
          const int64_t count = std::min(kRowsPerPack, last - row);
          gemm.pack(dy_data + row * out, out, count, out, panels.data());
          gemm.multiply({x_data + row * in, 1, in, panels.data(), count * gemm.panel_width, gemm.panel_width,
                         partial_data + chunk * in * out, out, in, count, out, row > first});
        }
      }
    });
    ForEachRange(context, in * out, chunks, [&](int64_t begin, int64_t end) {
      for (int64_t chunk = 0; chunk < chunks; ++chunk) {
        const float* part = partial_data + chunk * in * out;
        for (int64_t i = begin; i < end; ++i) gradient_data[i] += part[i];
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

REGISTER_OP("ArcqueueConv1x1")
    .Input("x: float")
    .Input("kernel: float")
    .Output("y: float")
    .SetShapeFn(UnknownOutput);

REGISTER_OP("ArcqueueConv1x1InputGrad")
    .Input("dy: float")
    .Input("kernel: float")
    .Output("dx: float")
    .SetShapeFn(UnknownOutput);

REGISTER_OP("ArcqueueConv1x1KernelGrad")
    .Input("x: float")
    .Input("dy: float")
    .Output("dkernel: float")
    .SetShapeFn(UnknownOutput);

REGISTER_KERNEL_BUILDER(Name("ArcqueueConv1x1").Device(tensorflow::DEVICE_CPU), Conv1x1Op);
REGISTER_KERNEL_BUILDER(Name("ArcqueueConv1x1InputGrad").Device(tensorflow::DEVICE_CPU), Conv1x1InputGradOp);
REGISTER_KERNEL_BUILDER(Name("ArcqueueConv1x1KernelGrad").Device(tensorflow::DEVICE_CPU), Conv1x1KernelGradOp);

}  // namespace arcqueue
