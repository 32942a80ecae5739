// Softmax with cross entropy over cosines with margins, and its gradient, as src/ml/heads/margin-softmax.ts describes
// it. The products are overwritten with their gradient: with a million classes that matrix is most of a step's memory.
// Rows (images) are reduced first, in one pass with a running maximum; then blocks of columns (classes) are rewritten.

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"
#include "tensorflow/core/util/work_sharder.h"
#include "vector_clones.h"
#include "vector_exp.h"

namespace arcqueue {
namespace {

using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;

// Classes that are worked on at a time: their intermediate values stay in the first cache.
constexpr int64_t kBlock = 1024;
// Sums and maxima run in this many lanes, so that they become vector instructions in an order that is always the same.
constexpr int kLanes = 16;

// How one image's cosines become logits.
struct RowMargin {
  float value, slope, scale, hard_above, hard_linear;
};

// What the first pass finds out about an image.
struct RowSums {
  double log_sum;        // log of the sum of exp(logit)
  double mean_value;     // softmax-weighted mean of the values
  double value_sum;      // plain sum of the values
  bool is_hit;
};

ARCQUEUE_VECTOR_CLONES
void Multiply(const float* __restrict__ products, const float* __restrict__ inverse, float* __restrict__ cosine,
              int64_t count) {
  for (int64_t i = 0; i < count; ++i) cosine[i] = products[i] * inverse[i];
}

// The cosine with the nearest of a class's centres; `nearest` gets its index when asked for.
void NearestCosines(const float* products, const float* inverse, int64_t sub_centers, int64_t count, float* cosine,
                    int32_t* nearest) {
  for (int64_t i = 0; i < count; ++i) {
    int32_t best = 0;
    float largest = products[i * sub_centers] * inverse[i * sub_centers];
    for (int32_t k = 1; k < sub_centers; ++k) {
      const float candidate = products[i * sub_centers + k] * inverse[i * sub_centers + k];
      // Written so that NaN wins and stays: a diverged centre must show in the loss.
      if (!(candidate <= largest)) {
        largest = candidate;
        best = k;
      }
    }
    cosine[i] = largest;
    if (nearest != nullptr) nearest[i] = best;
  }
}

ARCQUEUE_VECTOR_CLONES
void TransformOthers(const float* __restrict__ cosine, RowMargin row, float filter_above, float* __restrict__ value,
                     float* __restrict__ derivative, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const float c = cosine[i];
    const float hard = c * (row.hard_linear + c);
    const float hard_slope = row.hard_linear + 2.0f * c;
    const float v = c > row.hard_above ? hard : c;
    const float d = c > row.hard_above ? hard_slope : 1.0f;
    value[i] = c > filter_above ? 0.0f : v;
    derivative[i] = c > filter_above ? 0.0f : d;
  }
}

ARCQUEUE_VECTOR_CLONES
float LargestOf(const float* __restrict__ x, int64_t count) {
  float lanes[kLanes];
  std::fill(lanes, lanes + kLanes, -FLT_MAX);
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) lanes[lane] = x[i + lane] > lanes[lane] ? x[i + lane] : lanes[lane];
  }
  float largest = *std::max_element(lanes, lanes + kLanes);
  for (; i < count; ++i) largest = std::max(largest, x[i]);
  return largest;
}

struct BlockSums {
  double exponentials, weighted, values;
};

// Sums of e, e * value and value, with e = exp(scale * value - shift).
ARCQUEUE_VECTOR_CLONES
BlockSums SumBlock(const float* __restrict__ value, float scale, float shift, int64_t count) {
  float e_lanes[kLanes] = {}, weighted_lanes[kLanes] = {}, value_lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const float v = value[i + lane];
      const float e = ExpOfNonPositive(scale * v - shift);
      e_lanes[lane] += e;
      weighted_lanes[lane] += e * v;
      value_lanes[lane] += v;
    }
  }
  BlockSums sums{0.0, 0.0, 0.0};
  for (int lane = 0; lane < kLanes; ++lane) {
    sums.exponentials += e_lanes[lane];
    sums.weighted += weighted_lanes[lane];
    sums.values += value_lanes[lane];
  }
  for (; i < count; ++i) {
    const float e = ExpOfNonPositive(scale * value[i] - shift);
    sums.exponentials += e;
    sums.weighted += e * value[i];
    sums.values += value[i];
  }
  return sums;
}

// Gradient with respect to the cosines of other classes.
ARCQUEUE_VECTOR_CLONES
void GradientBlock(const float* __restrict__ value, const float* __restrict__ derivative, float scale, float log_sum,
                   float spread, float weight, float* __restrict__ gradient, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const float probability = ExpOfNonPositive(scale * value[i] - log_sum);
    gradient[i] = (probability - spread) * weight * derivative[i];
  }
}

ARCQUEUE_VECTOR_CLONES
void WriteBlock(const float* __restrict__ gradient, const float* __restrict__ cosine,
                const float* __restrict__ inverse, float* __restrict__ products, float* __restrict__ radial,
                int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    radial[i] += gradient[i] * cosine[i];
    products[i] = gradient[i] * inverse[i];
  }
}

void WriteNearest(const float* gradient, const float* cosine, const float* inverse, const int32_t* nearest,
                  int64_t sub_centers, float* products, float* radial, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    for (int32_t k = 0; k < sub_centers; ++k) {
      const int64_t at = i * sub_centers + k;
      const float share = k == nearest[i] ? gradient[i] : 0.0f;
      products[at] = share * inverse[at];
      radial[at] += share * cosine[i];
    }
  }
}

// One call's inputs, laid out.
struct Problem {
  int64_t images, classes, sub_centers;
  float* products;
  const float* inverse;
  const int32_t* labels;
  const float* table;
  float filter_above, label_smoothing;

  RowMargin Row(int64_t image) const {
    const float* at = table + image;
    return {at[0], at[images], at[2 * images], at[3 * images], at[4 * images]};
  }
  float* ProductsAt(int64_t image, int64_t first) const {
    return products + (image * classes + first) * sub_centers;
  }
};

// Cosines, values and derivatives of one image with a block of classes; the label's are those with margin.
struct Block {
  float cosine[kBlock], value[kBlock], derivative[kBlock];
  int32_t nearest[kBlock];

  void Fill(const Problem& p, int64_t image, int64_t first, int64_t count) {
    const float* products = p.ProductsAt(image, first);
    const float* inverse = p.inverse + first * p.sub_centers;
    if (p.sub_centers == 1) {
      Multiply(products, inverse, cosine, count);
    } else {
      NearestCosines(products, inverse, p.sub_centers, count, cosine, nearest);
    }
    const RowMargin row = p.Row(image);
    TransformOthers(cosine, row, p.filter_above, value, derivative, count);
    const int64_t label = p.labels[image] - first;
    if (label >= 0 && label < count) {
      value[label] = row.value;
      derivative[label] = row.slope;
    }
  }
};

RowSums ReduceRow(const Problem& p, int64_t image) {
  Block block;
  const RowMargin row = p.Row(image);
  const int64_t label = p.labels[image];
  double sum = 0.0, weighted = 0.0, values = 0.0;
  float largest = -FLT_MAX, before = -FLT_MAX, after = -FLT_MAX, own = 0.0f;
  for (int64_t first = 0; first < p.classes; first += kBlock) {
    const int64_t count = std::min(kBlock, p.classes - first);
    block.Fill(p, image, first, count);
    const int64_t split = std::clamp<int64_t>(label - first, 0, count);
    before = std::max(before, LargestOf(block.cosine, split));
    if (split < count && label >= first) {
      own = block.cosine[split];
      after = std::max(after, LargestOf(block.cosine + split + 1, count - split - 1));
    } else {
      after = std::max(after, LargestOf(block.cosine + split, count - split));
    }
    // Scales are positive, so the largest value has the largest logit.
    const float block_largest = row.scale * LargestOf(block.value, count);
    if (block_largest > largest) {
      const double shrink = std::exp(static_cast<double>(largest) - block_largest);
      sum *= shrink;
      weighted *= shrink;
      largest = block_largest;
    }
    const BlockSums sums = SumBlock(block.value, row.scale, largest, count);
    sum += sums.exponentials;
    weighted += sums.weighted;
    values += sums.values;
  }
  return {largest + std::log(sum), weighted / sum, values, own > before && own >= after};
}

void RewriteBlock(const Problem& p, const std::vector<RowSums>& rows, int64_t first, float* radial) {
  Block block;
  float gradient[kBlock];
  const int64_t count = std::min(kBlock, p.classes - first);
  const float spread = p.label_smoothing / p.classes;
  const float* inverse = p.inverse + first * p.sub_centers;
  radial += first * p.sub_centers;
  std::fill(radial, radial + count * p.sub_centers, 0.0f);
  for (int64_t image = 0; image < p.images; ++image) {
    block.Fill(p, image, first, count);
    const RowMargin row = p.Row(image);
    const float log_sum = static_cast<float>(rows[image].log_sum);
    const float weight = row.scale / p.images;
    GradientBlock(block.value, block.derivative, row.scale, log_sum, spread, weight, gradient, count);
    const int64_t label = p.labels[image] - first;
    if (label >= 0 && label < count) gradient[label] -= (1.0f - p.label_smoothing) * weight * row.slope;
    float* products = p.ProductsAt(image, first);
    if (p.sub_centers == 1) {
      WriteBlock(gradient, block.cosine, inverse, products, radial, count);
    } else {
      WriteNearest(gradient, block.cosine, inverse, block.nearest, p.sub_centers, products, radial, count);
    }
  }
}

class MarginSoftmaxOp : public OpKernel {
 public:
  explicit MarginSoftmaxOp(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("sub_centers", &sub_centers_));
    OP_REQUIRES_OK(construction, construction->GetAttr("filter_above", &filter_above_));
    OP_REQUIRES_OK(construction, construction->GetAttr("label_smoothing", &label_smoothing_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& products = context->input(0);
    const Tensor& inverse = context->input(1);
    const Tensor& labels = context->input(2);
    const Tensor& table = context->input(3);
    const int64_t images = labels.NumElements();
    OP_REQUIRES(context,
                products.dims() == 2 && sub_centers_ >= 1 && products.dim_size(1) % sub_centers_ == 0 &&
                    products.dim_size(0) == images && inverse.NumElements() == products.dim_size(1) &&
                    table.NumElements() == 5 * images,
                absl::InvalidArgumentError(absl::StrCat(
                    "Margin softmax expects products [n, centres], centres, labels [n] and a table [5, n], found ",
                    products.shape().DebugString(), ", ", inverse.shape().DebugString(), ", ",
                    labels.shape().DebugString(), " and ", table.shape().DebugString())));
    const int64_t classes = products.dim_size(1) / sub_centers_;
    const Problem problem{images,
                          classes,
                          sub_centers_,
                          const_cast<float*>(products.flat<float>().data()),
                          inverse.flat<float>().data(),
                          labels.flat<int32_t>().data(),
                          table.flat<float>().data(),
                          filter_above_,
                          label_smoothing_};
    for (int64_t image = 0; image < images; ++image) {
      OP_REQUIRES(context, problem.labels[image] >= 0 && problem.labels[image] < classes,
                  absl::InvalidArgumentError(absl::StrCat("Margin softmax expects labels below ", classes, ", found ",
                                                          problem.labels[image])));
    }
    Tensor* outputs[6] = {};
    const TensorShape per_image({images});
    for (int output : {0, 1, 4, 5}) {
      OP_REQUIRES_OK(context, context->allocate_output(output, per_image, &outputs[output]));
    }
    OP_REQUIRES_OK(context, context->allocate_output(3, inverse.shape(), &outputs[3]));

    std::vector<RowSums> rows(images);
    const auto& workers = *context->device()->tensorflow_cpu_worker_threads();
    tensorflow::Shard(workers.num_threads, workers.workers, images, classes * sub_centers_ * 12,
                      [&](int64_t begin, int64_t end) {
                        for (int64_t image = begin; image < end; ++image) rows[image] = ReduceRow(problem, image);
                      });
    for (int64_t image = 0; image < images; ++image) Report(problem, rows[image], image, outputs);
    float* radial = outputs[3]->flat<float>().data();
    tensorflow::Shard(workers.num_threads, workers.workers, (classes + kBlock - 1) / kBlock,
                      images * kBlock * sub_centers_ * 12, [&](int64_t begin, int64_t end) {
                        for (int64_t block = begin; block < end; ++block) {
                          RewriteBlock(problem, rows, block * kBlock, radial);
                        }
                      });
    context->set_output(2, products);
  }

 private:
  static void Report(const Problem& p, const RowSums& sums, int64_t image, Tensor* const* outputs) {
    const RowMargin row = p.Row(image);
    const double kept = 1.0 - p.label_smoothing;
    const double spread = static_cast<double>(p.label_smoothing) / p.classes;
    const double target = kept * row.value + spread * sums.value_sum;
    const double probability = std::exp(static_cast<double>(row.scale) * row.value - sums.log_sum);
    const double per_value = (probability - kept - spread) * row.scale / p.images;
    outputs[0]->flat<float>()(image) = static_cast<float>(sums.log_sum - row.scale * target);
    outputs[1]->flat<float>()(image) = sums.is_hit ? 1.0f : 0.0f;
    outputs[4]->flat<float>()(image) = static_cast<float>(per_value);
    outputs[5]->flat<float>()(image) = static_cast<float>((sums.mean_value - target) / p.images);
  }

  int64_t sub_centers_;
  float filter_above_;
  float label_smoothing_;
};

}  // namespace

// `products` is overwritten: the third output is the same memory. `table` holds rows of value, slope, scale,
// hard_above and hard_linear, one entry for each image.
REGISTER_OP("ArcqueueMarginSoftmax")
    .Input("products: float")
    .Input("inverse_lengths: float")
    .Input("labels: int32")
    .Input("table: float")
    .Output("losses: float")
    .Output("hits: float")
    .Output("product_gradient: float")
    .Output("radial: float")
    .Output("value_gradient: float")
    .Output("scale_gradient: float")
    .Attr("sub_centers: int")
    .Attr("filter_above: float")
    .Attr("label_smoothing: float")
    .SetIsStateful()
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext* context) {
      for (int output : {0, 1, 4, 5}) context->set_output(output, context->input(2));
      context->set_output(2, context->input(0));
      context->set_output(3, context->input(1));
      return absl::OkStatus();
    });

REGISTER_KERNEL_BUILDER(Name("ArcqueueMarginSoftmax").Device(tensorflow::DEVICE_CPU), MarginSoftmaxOp);

}  // namespace arcqueue
