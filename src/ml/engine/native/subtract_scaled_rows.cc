// x - share * y, row by row and in place: x [k, d], y [k, d], shares [k]. The output is x's memory.

#include <cstdint>

#include "operation.h"
#include "parallel.h"
#include "vector_clones.h"

namespace arcqueue {
namespace {

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
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& y = context->input(1);
    const Tensor& shares = context->input(2);
    OP_REQUIRES(context, x.dims() == 2 && y.shape() == x.shape() && shares.NumElements() == x.dim_size(0),
                absl::InvalidArgumentError(absl::StrCat("Scaled rows expect x and y [k, d] and shares [k], found ",
                                                    x.shape().DebugString(), ", ", y.shape().DebugString(), " and ",
                                                    shares.shape().DebugString())));
    const int64_t width = x.dim_size(1);
    float* x_data = const_cast<float*>(Data(x));
    const float* y_data = Data(y);
    const float* share_data = Data(shares);
    auto work = [=](int64_t begin, int64_t end) {
      SubtractRows(x_data + begin * width, y_data + begin * width, share_data + begin, end - begin, width);
    };
    ForEachRange(context, x.dim_size(0), width, work);
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
    .SetShapeFn(UnknownOutputs);

REGISTER_KERNEL_BUILDER(Name("ArcqueueSubtractScaledRows").Device(tensorflow::DEVICE_CPU), SubtractScaledRowsOp);

}  // namespace arcqueue
