// The gradient with respect to the products, written over them.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "margin_softmax.h"
#include "vector_clones.h"
#include "vector_exp.h"

namespace arcqueue::margin_softmax {

namespace {

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

}  // namespace

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

}  // namespace arcqueue::margin_softmax
