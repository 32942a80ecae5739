// What the softmax sums over all classes of an image.

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstdint>

#include "margin_softmax.h"
#include "vector_clones.h"
#include "vector_exp.h"

namespace arcqueue::margin_softmax {

namespace {

// Sums and maxima run in this many lanes, so that they become vector instructions in an order that is always the same.
constexpr int kLanes = 16;

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

}  // namespace

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

}  // namespace arcqueue::margin_softmax
