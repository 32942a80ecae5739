// x - share * y, row by row and in place: x [k, d], y [k, d], shares [k]. The output is x's memory.

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"
#include "tensorflow/core/util/work_sharder.h"
#include "vector_clones.h"

namespace arcqueue {
namespace {

using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;

ARCQUEUE_VECTOR_CLONES
void SubtractRows(float* __restrict__ x, const float* __restrict__ y, const float* __restrict__ shares, int64_t rows,
                  int64_t width) {
  for (int64_t row = 0; row < rows; ++row) {
    const float share = shares[row];
    for (int64_t i = 0; i < width; ++i) x[row * width + i] -= share * y[row * width + i];
  }
}

class SubtractScaledRowsOp : public OpKernel {
 public:
  explicit SubtractScaledRowsOp(OpKernelConstruction* construction) : OpKernel(construction) {}

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& y = context->input(1);
    const Tensor& shares = context->input(2);
    OP_REQUIRES(context, x.dims() == 2 && y.shape() == x.shape() && shares.NumElements() == x.dim_size(0),
                absl::InvalidArgumentError(absl::StrCat("Scaled rows expect x and y [k, d] and shares [k], found ",
                                                    x.shape().DebugString(), ", ", y.shape().DebugString(), " and ",
                                                    shares.shape().DebugString())));
    const int64_t width = x.dim_size(1);
    float* x_data = const_cast<float*>(x.flat<float>().data());
    const float* y_data = y.flat<float>().data();
    const float* share_data = shares.flat<float>().data();
    auto work = [=](int64_t begin, int64_t end) {
      SubtractRows(x_data + begin * width, y_data + begin * width, share_data + begin, end - begin, width);
    };
    const auto& workers = *context->device()->tensorflow_cpu_worker_threads();
    tensorflow::Shard(workers.num_threads, workers.workers, x.dim_size(0), width, work);
    context->set_output(0, x);
  }
};

}  // namespace

REGISTER_OP("ArcqueueSubtractScaledRows")
    .Input("x: float")
    .Input("y: float")
    .Input("shares: float")
    .Output("difference: float")
    .SetIsStateful()
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext* context) {
      context->set_output(0, context->input(0));
      return absl::OkStatus();
    });

REGISTER_KERNEL_BUILDER(Name("ArcqueueSubtractScaledRows").Device(tensorflow::DEVICE_CPU), SubtractScaledRowsOp);

}  // namespace arcqueue
