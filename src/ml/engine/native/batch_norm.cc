// Batch normalisation (Ioffe & Szegedy 2015) over all but the last axis, followed or not by PReLU, and its gradient:
//   n = (x - mean) * inv_std      z = gamma * n + beta      y = z, or max(z, 0) + alpha * min(z, 0)
// Only x is kept for the gradient: z is computed again, which costs less than storing and fetching it. `alpha` is [C],
// or empty where no PReLU follows. x is [..., C], seen as [rows, C].

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "parallel.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"
#include "vector_clones.h"

namespace arcqueue {
namespace {

using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;

// Sums over rows are taken in float inside a block and in double over blocks. A block lies in the second cache; its size
// follows from the channels alone, so that the bits of a sum do not depend on the number of threads.
constexpr int64_t kBlockFloats = 32768;
constexpr int64_t kMaxBlockRows = 512;

// x as rows of channels, cut into blocks of rows.
struct Rows {
  explicit Rows(const Tensor& x) : channels(x.dims() == 0 ? 0 : x.dim_size(x.dims() - 1)) {
    count = channels == 0 ? 0 : x.NumElements() / channels;
    per_block = channels == 0 ? 1 : std::clamp<int64_t>(kBlockFloats / channels, 1, kMaxBlockRows);
    blocks = (count + per_block - 1) / per_block;
  }
  int64_t First(int64_t block) const { return block * per_block; }
  int64_t In(int64_t block) const { return std::min(per_block, count - First(block)); }

  int64_t channels;
  int64_t count;
  int64_t per_block;
  int64_t blocks;
};

// Per channel: z = scale * x + shift. All passes take it from the same rounded values, so that z has the same bits, and
// falls on the same side of PReLU's bend, when it is computed again.
struct Affine {
  Affine(const float* gamma, const float* beta, const float* mean, const float* inv_std, int64_t channels)
      : scale(channels), shift(channels) {
    for (int64_t c = 0; c < channels; ++c) {
      const double exact = static_cast<double>(gamma[c]) * inv_std[c];
      scale[c] = static_cast<float>(exact);
      shift[c] = static_cast<float>(beta[c] - mean[c] * exact);
    }
  }

  std::vector<float> scale;
  std::vector<float> shift;
};

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

absl::Status CheckChannels(const Tensor& x, const Tensor& per_channel, bool may_be_empty) {
  const Rows rows(x);
  const bool is_empty = may_be_empty && per_channel.NumElements() == 0;
  if (x.dims() >= 2 && per_channel.dims() == 1 && (is_empty || per_channel.dim_size(0) == rows.channels)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("Batch norm expects x [..., C] and values of [C], found ",
                                             x.shape().DebugString(), " and ", per_channel.shape().DebugString()));
}

const float* Data(const Tensor& tensor) { return tensor.flat<float>().data(); }
float* Data(Tensor* tensor) { return tensor->flat<float>().data(); }

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
    OP_REQUIRES_OK(context, context->allocate_temp(tensorflow::DT_FLOAT, TensorShape({rows.blocks, 2, channels}), &moments));
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

// With m rows, and all sums over rows:
//   dbeta = sum dz    dgamma = sum dz n    dx = gamma inv_std (dz - dbeta / m - n dgamma / m)
class BatchNormGradOp : public OpKernel {
 public:
  explicit BatchNormGradOp(OpKernelConstruction* construction) : OpKernel(construction) {}

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
    OP_REQUIRES_OK(context, context->allocate_temp(tensorflow::DT_FLOAT, TensorShape({rows.blocks, 3, channels}), &sums));

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

// Shapes are checked when the kernel runs; this service builds no graphs that would ask for them earlier.
absl::Status UnknownOutputs(tensorflow::shape_inference::InferenceContext* context) {
  for (int i = 0; i < context->num_outputs(); ++i) context->set_output(i, context->UnknownShape());
  return absl::OkStatus();
}

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

REGISTER_KERNEL_BUILDER(Name("ArcqueueBatchNorm").Device(tensorflow::DEVICE_CPU), BatchNormOp);
REGISTER_KERNEL_BUILDER(Name("ArcqueueBatchNormApply").Device(tensorflow::DEVICE_CPU), BatchNormApplyOp);
REGISTER_KERNEL_BUILDER(Name("ArcqueueBatchNormGrad").Device(tensorflow::DEVICE_CPU), BatchNormGradOp);

}  // namespace arcqueue
