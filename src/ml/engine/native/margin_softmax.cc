// The operation of margin_softmax.h.

#include <cmath>
#include <cstdint>
#include <vector>

#include "margin_softmax.h"
#include "operation.h"
#include "parallel.h"

namespace arcqueue::margin_softmax {

namespace {

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
                          const_cast<float*>(Data(products)),
                          Data(inverse),
                          labels.flat<int32_t>().data(),
                          Data(table),
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
    ForEachRange(context, images, classes * sub_centers_ * 12, [&](int64_t begin, int64_t end) {
      for (int64_t image = begin; image < end; ++image) rows[image] = ReduceRow(problem, image);
    });
    for (int64_t image = 0; image < images; ++image) Report(problem, rows[image], image, outputs);
    float* radial = outputs[3]->flat<float>().data();
    const int64_t blocks = (classes + kBlock - 1) / kBlock;
    ForEachRange(context, blocks, images * kBlock * sub_centers_ * 12, [&](int64_t begin, int64_t end) {
      for (int64_t block = begin; block < end; ++block) RewriteBlock(problem, rows, block * kBlock, radial);
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
    .SetShapeFn(UnknownOutputs);

REGISTER_KERNEL_BUILDER(Name("ArcqueueMarginSoftmax").Device(tensorflow::DEVICE_CPU), MarginSoftmaxOp);

}  // namespace arcqueue::margin_softmax
