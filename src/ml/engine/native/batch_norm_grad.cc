// The gradient of batch norm in training, with or without the PReLU after it (batch_norm.h).

#include <algorithm>
#include <cstdint>
#include <vector>

#include "batch_norm.h"
#include "operation.h"
#include "parallel.h"
#include "vector_clones.h"

namespace arcqueue {
namespace {

// sums [3, C] += of dz, of dz * (x - mean), and, with PReLU, of dy * min(z, 0).
ARCQUEUE_VECTOR_CLONES
void SumRows(const float* __restrict__ dy, const float* __restrict__ x, const float* __restrict__ mean,
             float* __restrict__ sums, int64_t rows, int64_t channels) {
  float* __restrict__ dot = sums + channels;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < channels; ++c) {
      const float dz = dy[row * channels + c];
      sums[c] += dz;
      dot[c] += dz * (x[row * channels + c] - mean[c]);
    }
  }
}

ARCQUEUE_VECTOR_CLONES
void SumPreluRows(const float* __restrict__ dy, const float* __restrict__ x, const float* __restrict__ mean,
                  const float* __restrict__ scale, const float* __restrict__ shift, const float* __restrict__ alpha,
                  float* __restrict__ sums, float* __restrict__ dot, float* __restrict__ slope, int64_t rows,
                  int64_t channels) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < channels; ++c) {
      const float value = x[row * channels + c];
      const float upstream = dy[row * channels + c];
      const float z = scale[c] * value + shift[c];
      const float dz = upstream * (z > 0.0f ? 1.0f : alpha[c]);
      sums[c] += dz;
      dot[c] += dz * (value - mean[c]);
      slope[c] += upstream * std::min(z, 0.0f);
    }
  }
}

// dx = scale * dz + by_x * x + constant, per channel.
ARCQUEUE_VECTOR_CLONES
void GradRows(const float* __restrict__ dy, const float* __restrict__ x, const float* __restrict__ scale,
              const float* __restrict__ by_x, const float* __restrict__ constant, float* __restrict__ dx, int64_t rows,
              int64_t channels) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t i = row * channels + c;
      dx[i] = scale[c] * dy[i] + (by_x[c] * x[i] + constant[c]);
    }
  }
}

ARCQUEUE_VECTOR_CLONES
void GradPreluRows(const float* __restrict__ dy, const float* __restrict__ x, const float* __restrict__ scale,
                   const float* __restrict__ shift, const float* __restrict__ alpha, const float* __restrict__ by_x,
                   const float* __restrict__ constant, float* __restrict__ dx, int64_t rows, int64_t channels) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t i = row * channels + c;
      const float slope = scale[c] * x[i] + shift[c] > 0.0f ? 1.0f : alpha[c];
      dx[i] = scale[c] * (dy[i] * slope) + (by_x[c] * x[i] + constant[c]);
    }
  }
}

// With m rows, and all sums over rows:
//   dbeta = sum dz    dgamma = sum dz n    dx = gamma inv_std (dz - dbeta / m - n dgamma / m)
class BatchNormGradOp : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& dy = context->input(0);
    const Tensor& x = context->input(1);
    for (int i = 2; i < 7; ++i) OP_REQUIRES_OK(context, CheckChannels(x, context->input(i), i == 4));
    OP_REQUIRES(context, dy.shape() == x.shape(),
                absl::InvalidArgumentError(absl::StrCat("Batch norm's gradient expects dy shaped like x ",
                                                    x.shape().DebugString(), ", found ", dy.shape().DebugString())));
    const Rows rows(x);
    const int64_t channels = rows.channels;
    const Tensor& slopes = context->input(4);
    Tensor* outputs[4] = {};  // dx, dgamma, dbeta, dalpha
    OP_REQUIRES_OK(context, context->allocate_output(0, x.shape(), &outputs[0]));
    for (int i = 1; i < 4; ++i) {
      OP_REQUIRES_OK(context, context->allocate_output(i, i == 3 ? slopes.shape() : TensorShape({channels}), &outputs[i]));
    }
    Tensor sums;  // [blocks, 3, C]
    OP_REQUIRES_OK(context, AllocateScratch(context, TensorShape({rows.blocks, 3, channels}), &sums));

    const float* alpha = slopes.NumElements() == 0 ? nullptr : Data(slopes);
    const float* mean = Data(context->input(5));
    const float* inv_std = Data(context->input(6));
    const Affine affine(Data(context->input(2)), Data(context->input(3)), mean, inv_std, channels);
    const float* scale = affine.scale.data();
    const float* shift = affine.shift.data();
    const float* dy_data = Data(dy);
    const float* x_data = Data(x);
    float* sums_data = Data(&sums);
    ForEachRange(context, rows.blocks, 4 * rows.per_block * channels, [&](int64_t begin, int64_t end) {
      for (int64_t block = begin; block < end; ++block) {
        float* to = sums_data + block * 3 * channels;
        std::fill(to, to + 3 * channels, 0.0f);
        const int64_t first = rows.First(block) * channels;
        if (alpha == nullptr) {
          SumRows(dy_data + first, x_data + first, mean, to, rows.In(block), channels);
        } else {
          SumPreluRows(dy_data + first, x_data + first, mean, scale, shift, alpha, to, to + channels,
                       to + 2 * channels, rows.In(block), channels);
        }
      }
    });

    std::vector<float> by_x(channels);
    std::vector<float> constant(channels);
    for (int64_t c = 0; c < channels; ++c) {
      double total[3] = {};
      for (int64_t block = 0; block < rows.blocks; ++block) {
        for (int i = 0; i < 3; ++i) total[i] += sums_data[(block * 3 + i) * channels + c];
      }
      const double dbeta = total[0];
      const double dgamma = total[1] * inv_std[c];
      Data(outputs[1])[c] = static_cast<float>(dgamma);
      Data(outputs[2])[c] = static_cast<float>(dbeta);
      if (alpha != nullptr) Data(outputs[3])[c] = static_cast<float>(total[2]);
      const double slope = -static_cast<double>(scale[c]) * inv_std[c] * dgamma / rows.count;
      by_x[c] = static_cast<float>(slope);
      constant[c] = static_cast<float>(-scale[c] * dbeta / rows.count - slope * mean[c]);
    }
    float* dx = Data(outputs[0]);
    ForEachRange(context, rows.count, 2 * channels, [&](int64_t begin, int64_t end) {
      const int64_t first = begin * channels;
      if (alpha == nullptr) {
        GradRows(dy_data + first, x_data + first, scale, by_x.data(), constant.data(), dx + first, end - begin,
                 channels);
      } else {
        GradPreluRows(dy_data + first, x_data + first, scale, shift, alpha, by_x.data(), constant.data(),
                      dx + first, end - begin, channels);
      }
    });
  }
};

}  // namespace

REGISTER_OP("ArcqueueBatchNormGrad")
    .Input("dy: float")
    .Input("x: float")
    .Input("gamma: float")
    .Input("beta: float")
    .Input("alpha: float")
    .Input("mean: float")
    .Input("inv_std: float")
    .Output("dx: float")
    .Output("dgamma: float")
    .Output("dbeta: float")
    .Output("dalpha: float")
    .SetShapeFn(UnknownOutputs);

REGISTER_KERNEL_BUILDER(Name("ArcqueueBatchNormGrad").Device(tensorflow::DEVICE_CPU), BatchNormGradOp);

}  // namespace arcqueue
