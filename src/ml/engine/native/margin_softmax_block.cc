// From products to the cosines of one block and the values that enter the softmax.

#include <cstdint>

#include "margin_softmax.h"
#include "vector_clones.h"

namespace arcqueue::margin_softmax {

namespace {

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

}  // namespace

void Block::Fill(const Problem& p, int64_t image, int64_t first, int64_t count) {
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

}  // namespace arcqueue::margin_softmax
