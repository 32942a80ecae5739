// The matrix product of gemm.h for one instruction set (see instruction_sets.h).

#include "lanes_body.h"

constexpr long kPanelWidth = 2 * kLanes;
// A block of kBlockRows x 2 vectors of C stays in registers, with two of B and one of A.
constexpr long kBlockRows = ARCQUEUE_REGISTERS == 32 ? 12 : 6;

template <int kRows>
static void MultiplyBlock(const Product& p, const float* a, const float* b, float* c, long columns) {
  Vector sum[kRows][2];
  const bool is_whole = columns == kPanelWidth;
  for (int r = 0; r < kRows; ++r) {
    sum[r][0] = Vector{};
    sum[r][1] = Vector{};
  }
  for (long k = 0; k < p.depth; ++k) {
    const Vector left = Load(b);
    const Vector right = Load(b + kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Vector factor = Splat(a[r * p.a_row_stride]);
      sum[r][0] += factor * left;
      sum[r][1] += factor * right;
    }
    a += p.a_depth_stride;
    b += p.b_depth_stride;
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    float* row = c + r * p.c_row_stride;
    if (is_whole) {
      Store(row, p.accumulate ? Load(row) + sum[r][0] : sum[r][0]);
      Store(row + kLanes, p.accumulate ? Load(row + kLanes) + sum[r][1] : sum[r][1]);
      continue;
    }
    for (int half = 0; half < 2; ++half) {
      const long count = columns - half * kLanes < kLanes ? columns - half * kLanes : kLanes;
      if (count <= 0) break;
      float* to = row + half * kLanes;
      StoreFirst(to, p.accumulate ? LoadFirst(to, count) + sum[r][half] : sum[r][half], count);
    }
  }
}

using BlockFunction = void (*)(const Product&, const float*, const float*, float*, long);

static BlockFunction BlockOfRows(long rows) {
  static constexpr BlockFunction kFunctions[] = {
      MultiplyBlock<1>, MultiplyBlock<2>, MultiplyBlock<3>, MultiplyBlock<4>,
      MultiplyBlock<5>, MultiplyBlock<6>,
#if ARCQUEUE_REGISTERS == 32
      MultiplyBlock<7>, MultiplyBlock<8>, MultiplyBlock<9>, MultiplyBlock<10>,
      MultiplyBlock<11>, MultiplyBlock<12>,
#endif
  };
  return kFunctions[rows - 1];
}

// A panel of B stays in the first or second cache while all rows of A pass by.
static void Multiply(const Product& p) {
  const long blocks = (p.rows + kBlockRows - 1) / kBlockRows;
  for (long column = 0; column < p.columns; column += kPanelWidth) {
    const float* b = p.b + column / kPanelWidth * p.b_panel_stride;
    const long columns = p.columns - column < kPanelWidth ? p.columns - column : kPanelWidth;
    for (long block = 0; block < blocks; ++block) {
      // Blocks of nearly equal height: a last block of one row would run at a fraction of the speed.
      const long row = p.rows * block / blocks;
      const long rows = p.rows * (block + 1) / blocks - row;
      BlockOfRows(rows)(p, p.a + row * p.a_row_stride, b, p.c + row * p.c_row_stride + column, columns);
    }
  }
}

static void Pack(const float* from, long row_stride, long depth, long columns, float* to) {
  for (long column = 0; column < columns; column += kPanelWidth) {
    for (long k = 0; k < depth; ++k, to += kPanelWidth) {
      const float* row = from + k * row_stride + column;
      for (long c = 0; c < kPanelWidth; ++c) to[c] = column + c < columns ? row[c] : 0.0f;
    }
  }
}

static void PackTransposed(const float* from, long row_stride, long depth, long columns, float* to) {
  for (long column = 0; column < columns; column += kPanelWidth, to += depth * kPanelWidth) {
    for (long c = 0; c < kPanelWidth; ++c) {
      const float* row = from + (column + c) * row_stride;
      for (long k = 0; k < depth; ++k) to[k * kPanelWidth + c] = column + c < columns ? row[k] : 0.0f;
    }
  }
}

static const Gemm kGemm{kPanelWidth, Multiply, Pack, PackTransposed};
