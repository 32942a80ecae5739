#ifndef ARCQUEUE_MARGIN_SOFTMAX_H_
#define ARCQUEUE_MARGIN_SOFTMAX_H_

// Softmax with cross entropy over cosines with margins, and its gradient, as src/ml/heads/margin-softmax.ts describes
// it. The products are overwritten with their gradient: with a million classes that matrix is most of a step's memory.
// Rows (images) are reduced first, in one pass with a running maximum; then blocks of columns (classes) are rewritten.

#include <cstdint>
#include <vector>

namespace arcqueue::margin_softmax {

// Classes that are worked on at a time: their intermediate values stay in the first cache.
constexpr int64_t kBlock = 1024;

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

  void Fill(const Problem& p, int64_t image, int64_t first, int64_t count);
};

// Over all classes of one image, which it does not change.
RowSums ReduceRow(const Problem& p, int64_t image);

// Overwrites all images' products with kBlock classes from `first` on by their gradient, and sets those classes' entries
// of `radial`. `rows` holds each image's sums.
void RewriteBlock(const Problem& p, const std::vector<RowSums>& rows, int64_t first, float* radial);

}  // namespace arcqueue::margin_softmax

#endif  // ARCQUEUE_MARGIN_SOFTMAX_H_
