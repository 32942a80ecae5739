// Batch norm in training and by given statistics (batch_norm.h).

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "batch_norm.h"
#include "operation.h"
#include "parallel.h"
#include "vector_clones.h"

namespace arcqueue {
namespace {

// The mean of the rows, and the sum of squares around it.
ARCQUEUE_VECTOR_CLONES
void BlockMoments(const float* __restrict__ x, int64_t rows, int64_t channels, float* __restrict__ mean,
                  float* __restrict__ squares) {
  for (int64_t c = 0; c < channels; ++c) mean[c] = squares[c] = 0.0f;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < channels; ++c) mean[c] += x[row * channels + c];
  }
  for (int64_t c = 0; c < channels; ++c) mean[c] /= static_cast<float>(rows);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < channels; ++c) {
      const float distance = x[row * channels + c] - mean[c];
      squares[c] += distance * distance;
    }
  }
}

ARCQUEUE_VECTOR_CLONES
void NormaliseRows(const float* __restrict__ x, const float* __restrict__ scale, const float* __restrict__ shift,
                   float* __restrict__ y, int64_t rows, int64_t channels) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < channels; ++c) y[row * channels + c] = scale[c] * x[row * channels + c] + shift[c];
  }
}

// std::max(z, 0) and std::min(z, 0) with z first return z when it is NaN: a diverged network must not look healthy.
ARCQUEUE_VECTOR_CLONES
void NormalisePreluRows(const float* __restrict__ x, const float* __restrict__ scale, const float* __restrict__ shift,
                        const float* __restrict__ alpha, float* __restrict__ y, int64_t rows, int64_t channels) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < channels; ++c) {
      const float z = scale[c] * x[row * channels + c] + shift[c];
      y[row * channels + c] = std::max(z, 0.0f) + alpha[c] * std::min(z, 0.0f);
    }
  }
}

void Normalise(OpKernelContext* context, const Tensor& x, const Affine& affine, const Tensor& alpha, Tensor* y) {
  const Rows rows(x);
  const int64_t channels = rows.channels;
  const float* slopes = alpha.NumElements() == 0 ? nullptr : Data(alpha);
  const float* x_data = Data(x);
  float* y_data = Data(y);
  ForEachRange(context, rows.count, channels, [&](int64_t begin, int64_t end) {
    const float* from = x_data + begin * channels;
    float* to = y_data + begin * channels;
    if (slopes == nullptr) {
      NormaliseRows(from, affine.scale.data(), affine.shift.data(), to, end - begin, channels);
    } else {
      NormalisePreluRows(from, affine.scale.data(), affine.shift.data(), slopes, to, end - begin, channels);
    }
  });
}

// Training: by the batch's own statistics. The moving statistics follow them as PyTorch's do: by the variance's
// unbiased estimate, and `momentum` is the share of the old value.
class BatchNormOp : public OpKernel {
 public:
  explicit BatchNormOp(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("epsilon", &epsilon_));
    OP_REQUIRES_OK(construction, construction->GetAttr("momentum", &momentum_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    for (int i = 1; i < 6; ++i) OP_REQUIRES_OK(context, CheckChannels(x, context->input(i), i == 3));
    const Rows rows(x);
    OP_REQUIRES(context, rows.count > 0, absl::InvalidArgumentError("Batch norm in training expects at least one row"));
    const int64_t channels = rows.channels;
    const TensorShape per_channel({channels});
    Tensor* outputs[5] = {};  // y, mean, inv_std, new_moving_mean, new_moving_variance
    for (int i = 0; i < 5; ++i) {
      OP_REQUIRES_OK(context, context->allocate_output(i, i == 0 ? x.shape() : per_channel, &outputs[i]));
    }
    Tensor moments;  // [blocks, mean and squares, C]
    OP_REQUIRES_OK(context, AllocateScratch(context, TensorShape({rows.blocks, 2, channels}), &moments));
    float* moments_data = Data(&moments);
    const float* x_data = Data(x);
    ForEachRange(context, rows.blocks, 3 * rows.per_block * channels, [&](int64_t begin, int64_t end) {
      for (int64_t block = begin; block < end; ++block) {
        float* mean = moments_data + block * 2 * channels;
        BlockMoments(x_data + rows.First(block) * channels, rows.In(block), channels, mean, mean + channels);
      }
    });

    const float* old_mean = Data(context->input(4));
    const float* old_variance = Data(context->input(5));
    float* mean = Data(outputs[1]);
    float* inv_std = Data(outputs[2]);
    for (int64_t c = 0; c < channels; ++c) {
      const Moments of_batch = Combine(moments_data, rows, c);
      const double unbiased = rows.count > 1 ? of_batch.variance * rows.count / (rows.count - 1) : of_batch.variance;
      mean[c] = static_cast<float>(of_batch.mean);
      inv_std[c] = static_cast<float>(1.0 / std::sqrt(of_batch.variance + epsilon_));
      Data(outputs[3])[c] = static_cast<float>(momentum_ * old_mean[c] + (1.0 - momentum_) * of_batch.mean);
      Data(outputs[4])[c] = static_cast<float>(momentum_ * old_variance[c] + (1.0 - momentum_) * unbiased);
    }
    const Affine affine(Data(context->input(1)), Data(context->input(2)), mean, inv_std, channels);
    Normalise(context, x, affine, context->input(3), outputs[0]);
  }

 private:
  struct Moments {
    double mean;
    double variance;
  };

  // Mean and biased variance of all blocks from those of each: Chan, Golub & LeVeque 1983.
  static Moments Combine(const float* moments, const Rows& rows, int64_t c) {
    double count = 0.0;
    double mean = 0.0;
    double squares = 0.0;
    for (int64_t block = 0; block < rows.blocks; ++block) {
      const float* of_block = moments + block * 2 * rows.channels;
      const double added = static_cast<double>(rows.In(block));
      const double distance = of_block[c] - mean;
      squares += of_block[rows.channels + c] + distance * distance * count * added / (count + added);
      count += added;
      mean += distance * added / count;
    }
    return {mean, squares / count};
  }

  float epsilon_;
  float momentum_;
};

// By statistics that are given: the moving mean and variance at inference; or, in a backward pass, the mean and inverse
// deviation that the forward pass found, to have its output again.
class BatchNormApplyOp : public OpKernel {
 public:
  explicit BatchNormApplyOp(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("epsilon", &epsilon_));
    OP_REQUIRES_OK(construction, construction->GetAttr("is_inverse_deviation", &is_inverse_deviation_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    for (int i = 1; i < 6; ++i) OP_REQUIRES_OK(context, CheckChannels(x, context->input(i), i == 3));
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, x.shape(), &y));
    const int64_t channels = Rows(x).channels;
    const float* spread = Data(context->input(5));
    std::vector<float> inv_std(spread, spread + channels);
    if (!is_inverse_deviation_) {
      for (float& value : inv_std) value = static_cast<float>(1.0 / std::sqrt(static_cast<double>(value) + epsilon_));
    }
    const Affine affine(Data(context->input(1)), Data(context->input(2)), Data(context->input(4)), inv_std.data(), channels);
    Normalise(context, x, affine, context->input(3), y);
  }

 private:
  float epsilon_;
  bool is_inverse_deviation_;
};

}  // namespace

REGISTER_OP("ArcqueueBatchNorm")
    .Input("x: float")
    .Input("gamma: float")
    .Input("beta: float")
    .Input("alpha: float")
    .Input("moving_mean: float")
    .Input("moving_variance: float")
    .Attr("epsilon: float")
    .Attr("momentum: float")
    .Output("y: float")
    .Output("mean: float")
    .Output("inv_std: float")
    .Output("new_moving_mean: float")
    .Output("new_moving_variance: float")
    .SetShapeFn(UnknownOutputs);

REGISTER_OP("ArcqueueBatchNormApply")
    .Input("x: float")
    .Input("gamma: float")
    .Input("beta: float")
    .Input("alpha: float")
    .Input("mean: float")
    .Input("spread: float")
    .Attr("epsilon: float")
    .Attr("is_inverse_deviation: bool")
    .Output("y: float")
    .SetShapeFn(UnknownOutputs);

REGISTER_KERNEL_BUILDER(Name("ArcqueueBatchNorm").Device(tensorflow::DEVICE_CPU), BatchNormOp);
REGISTER_KERNEL_BUILDER(Name("ArcqueueBatchNormApply").Device(tensorflow::DEVICE_CPU), BatchNormApplyOp);

}  // namespace arcqueue
