// PReLU with one slope per channel (He et al. 2015), and its gradient:
//   y = max(x, 0) + alpha * min(x, 0)      dx = x > 0 ? dy : alpha * dy      dalpha = sum of dy * min(x, 0)
// x is [..., C], alpha is [C], C innermost. As composed tfjs operations these are chains of full-size temporaries.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "operation.h"
#include "parallel.h"
#include "vector_clones.h"

namespace arcqueue {
namespace {

// Rows whose slope gradients are added in float before the double sum over blocks. Fixed, so that the result does
// not depend on the number of threads; small, so that the float sums lose little.
constexpr int64_t kRowsPerBlock = 512;

// std::max(x, 0) and std::min(x, 0) with x first return x when it is NaN: a diverged network must not look healthy.
ARCQUEUE_VECTOR_CLONES
void PreluRows(const float* __restrict__ x, const float* __restrict__ alpha, float* __restrict__ y, int64_t rows,
               int64_t channels) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < channels; ++c) {
      const float value = x[row * channels + c];
      y[row * channels + c] = std::max(value, 0.0f) + alpha[c] * std::min(value, 0.0f);
    }
  }
}

// Adds the rows' slope gradients to dalpha, which the caller has set to zero.
ARCQUEUE_VECTOR_CLONES
void PreluGradRows(const float* __restrict__ dy, const float* __restrict__ x, const float* __restrict__ alpha,
                   float* __restrict__ dx, float* __restrict__ dalpha, int64_t rows, int64_t channels) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < channels; ++c) {
      const float value = x[row * channels + c];
      const float upstream = dy[row * channels + c];
      const float slope = value > 0.0f ? 1.0f : alpha[c];
      dx[row * channels + c] = upstream * slope;
      dalpha[c] += upstream * std::min(value, 0.0f);
    }
  }
}

// Empty status when `alpha` is [C] for an `x` of [..., C].
absl::Status CheckShapes(const Tensor& x, const Tensor& alpha) {
  if (x.dims() < 1 || alpha.dims() != 1 || alpha.dim_size(0) != x.dim_size(x.dims() - 1)) {
    return absl::InvalidArgumentError(absl::StrCat("PReLU expects x [..., C] and alpha [C], found x ",
                                               x.shape().DebugString(), " and alpha ", alpha.shape().DebugString()));
  }
  return absl::OkStatus();
}

class PreluOp : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& alpha = context->input(1);
    OP_REQUIRES_OK(context, CheckShapes(x, alpha));
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, x.shape(), &y));
    if (x.NumElements() == 0) return;

    const int64_t channels = alpha.dim_size(0);
    const float* x_data = Data(x);
    const float* alpha_data = Data(alpha);
    float* y_data = Data(y);
    auto work = [=](int64_t begin, int64_t end) {
      PreluRows(x_data + begin * channels, alpha_data, y_data + begin * channels, end - begin, channels);
    };
    ForEachRange(context, x.NumElements() / channels, channels, work);
  }
};

class PreluGradOp : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& dy = context->input(0);
    const Tensor& x = context->input(1);
    const Tensor& alpha = context->input(2);
    OP_REQUIRES_OK(context, CheckShapes(x, alpha));
    OP_REQUIRES(context, dy.shape() == x.shape(),
                absl::InvalidArgumentError(absl::StrCat("PReLU's gradient expects dy shaped like x ",
                                                    x.shape().DebugString(), ", found ", dy.shape().DebugString())));
    Tensor* dx = nullptr;
    Tensor* dalpha = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, x.shape(), &dx));
    OP_REQUIRES_OK(context, context->allocate_output(1, alpha.shape(), &dalpha));
    const int64_t channels = alpha.dim_size(0);
    const int64_t rows = channels == 0 ? 0 : x.NumElements() / channels;
    const int64_t blocks = (rows + kRowsPerBlock - 1) / kRowsPerBlock;
    Tensor partial;  // [blocks, C]
    OP_REQUIRES_OK(context, AllocateScratch(context, TensorShape({blocks, channels}), &partial));

    const float* dy_data = Data(dy);
    const float* x_data = Data(x);
    const float* alpha_data = Data(alpha);
    float* dx_data = Data(dx);
    float* partial_data = Data(&partial);
    auto work = [=](int64_t begin, int64_t end) {
      for (int64_t block = begin; block < end; ++block) {
        float* sums = partial_data + block * channels;
        std::fill(sums, sums + channels, 0.0f);
        const int64_t first = block * kRowsPerBlock;
        const int64_t count = std::min(kRowsPerBlock, rows - first);
        PreluGradRows(dy_data + first * channels, x_data + first * channels, alpha_data, dx_data + first * channels,
                      sums, count, channels);
      }
    };
    ForEachRange(context, blocks, kRowsPerBlock * channels * 2, work);
    SumBlocks(partial_data, blocks, channels, Data(dalpha));
  }

 private:
  static void SumBlocks(const float* partial, int64_t blocks, int64_t channels, float* dalpha) {
    std::vector<double> sums(channels, 0.0);
    for (int64_t block = 0; block < blocks; ++block) {
      for (int64_t c = 0; c < channels; ++c) sums[c] += partial[block * channels + c];
    }
    for (int64_t c = 0; c < channels; ++c) dalpha[c] = static_cast<float>(sums[c]);
  }
};

}  // namespace

REGISTER_OP("ArcqueuePrelu")
    .Input("x: float")
    .Input("alpha: float")
    .Output("y: float")
    .SetShapeFn(UnknownOutputs);

REGISTER_OP("ArcqueuePreluGrad")
    .Input("dy: float")
    .Input("x: float")
    .Input("alpha: float")
    .Output("dx: float")
    .Output("dalpha: float")
    .SetShapeFn(UnknownOutputs);

REGISTER_KERNEL_BUILDER(Name("ArcqueuePrelu").Device(tensorflow::DEVICE_CPU), PreluOp);
REGISTER_KERNEL_BUILDER(Name("ArcqueuePreluGrad").Device(tensorflow::DEVICE_CPU), PreluGradOp);

}  // namespace arcqueue
