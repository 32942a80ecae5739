#ifndef ARCQUEUE_GEMM_H_
#define ARCQUEUE_GEMM_H_

namespace arcqueue {

// C = A B, or C += A B, in float: A is [rows, depth], B is [depth, columns], C is [rows, columns].
struct Product {
  const float* a;
  long a_row_stride;    // the distance of two rows of A, in floats: its width, or 1 when A is stored transposed
  long a_depth_stride;  // the distance of two columns of A: 1, or the width of what is stored
  const float* b;       // in panels, see below
  long b_panel_stride;
  long b_depth_stride;
  float* c;
  long c_row_stride;
  long rows;
  long depth;
  long columns;  // C has no other columns; B's last panel is as wide as the others
  bool accumulate;
};

// One thread's matrix product for one instruction set. B is read in panels: panel p holds columns
// [p panel_width, (p + 1) panel_width), row k of it at b + p b_panel_stride + k b_depth_stride.
// The sum over `depth` runs in order, whatever the other sizes are: the bits of one row do not depend on the others.
struct Gemm {
  long panel_width;
  void (*multiply)(const Product&);
  // Copies a row-major [depth, columns] matrix into panels [panels][depth][panel_width], zeros in the last panel's rest.
  void (*pack)(const float* from, long row_stride, long depth, long columns, float* to);
  // The same of the transposed matrix: `from` is [columns, depth].
  void (*pack_transposed)(const float* from, long row_stride, long depth, long columns, float* to);
};

// For the processor that this runs on.
const Gemm& BestGemm();

inline long RoundUp(long value, long multiple) { return (value + multiple - 1) / multiple * multiple; }

}  // namespace arcqueue

#endif  // ARCQUEUE_GEMM_H_
