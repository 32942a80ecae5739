// The loops of depthwise3x3.cc for one instruction set (see instruction_sets.h). Each walks along a row with kLanes
// channels. Columns whose whole window lies inside the image are most of a row: they need no test per tap, and keep the
// taps in registers.

#include "lanes_body.h"

// One row of a 3x3 correlation and kLanes channels of it, zeros around the image.
struct Walk {
  const float* input;  // column 0 of the window's upper row, which may lie outside of the image
  long row_stride;
  long width;
  const float* taps;  // row by row
  long tap_stride;    // the distance of two taps; negative turns the kernel by 180 degrees
  int row_from;       // the window's rows [row_from, row_to) lie inside the image
  int row_to;
  long stride;
  float* output;
  long out_width;
  long channels;  // the distance of two pixels
};

// One output value of all taps that lie inside the image.
static inline __attribute__((always_inline)) Vector Window(const Walk& w, long column, long count) {
  const long first = column * w.stride - 1;
  const long from = first < 0 ? 1 : 0;
  const long to = w.width - first < 3 ? w.width - first : 3;
  Vector sum = {};
  for (long row = w.row_from; row < w.row_to; ++row) {
    for (long tap = from; tap < to; ++tap) {
      sum += LoadSome(w.taps + (row * 3 + tap) * w.tap_stride, count) *
             LoadSome(w.input + row * w.row_stride + (first + tap) * w.channels, count);
    }
  }
  return sum;
}

// The output columns [from, to), whose windows have `rows` rows and three columns inside the image.
static inline __attribute__((always_inline)) void Inside(const Walk& w, int rows, long from, long to, long count) {
  Vector taps[9];
  const float* first_tap = w.taps + w.row_from * 3 * w.tap_stride;
#pragma GCC unroll 9
  for (int tap = 0; tap < 3 * rows; ++tap) taps[tap] = LoadSome(first_tap + tap * w.tap_stride, count);
  const float* x = w.input + w.row_from * w.row_stride + (from * w.stride - 1) * w.channels;
  for (long column = from; column < to; ++column, x += w.stride * w.channels) {
    // A sum per row of the window, so that no chain of nine additions decides the speed.
    Vector sums[3] = {};
#pragma GCC unroll 3
    for (int row = 0; row < rows; ++row) {
#pragma GCC unroll 3
      for (int tap = 0; tap < 3; ++tap) {
        sums[row] += taps[row * 3 + tap] * LoadSome(x + row * w.row_stride + tap * w.channels, count);
      }
    }
    StoreSome(w.output + column * w.channels, sums[0] + (sums[1] + sums[2]), count);
  }
}

static inline __attribute__((always_inline)) void WalkRow(const Walk& w, long count) {
  const int rows = w.row_to - w.row_from;
  // Empty where the image is so narrow, or so low, that no window fits.
  const long last = rows < 2 || w.width < 3 ? 1 : (w.width - 2) / w.stride + 1;
  StoreSome(w.output, Window(w, 0, count), count);
  if (rows == 3) {
    Inside(w, 3, 1, last, count);
  } else if (rows == 2) {
    Inside(w, 2, 1, last, count);
  }
  for (long column = last; column < w.out_width; ++column) {
    StoreSome(w.output + column * w.channels, Window(w, column, count), count);
  }
}

// For all channels: `w` is that of the first ones.
static void CorrelateRow(Walk w) {
  long channel = 0;
  for (; channel + kLanes <= w.channels; channel += kLanes) {
    WalkRow(w, kLanes);
    w.input += kLanes;
    w.taps += kLanes;
    w.output += kLanes;
  }
  if (channel < w.channels) WalkRow(w, w.channels - channel);
}

static inline int RowsFrom(long first_row) { return first_row < 0 ? 1 : 0; }
static inline int RowsTo(long first_row, long height) { return height - first_row < 3 ? height - first_row : 3; }

// One row of y: y[column] = sum over taps of kernel[tap] * x[row * stride + tap row - 1][column * stride + tap column - 1].
static void ForwardRow(const DepthwiseShape& s, const float* x, const float* kernel, long row, float* y) {
  const long first_row = row * s.stride - 1;
  const long row_stride = s.width * s.channels;
  CorrelateRow({x + first_row * row_stride, row_stride, s.width, kernel, s.channels, RowsFrom(first_row),
                RowsTo(first_row, s.height), s.stride, y, s.out_width, s.channels});
}

// With stride 2 each pixel of an even column of x is under the middle taps only, one of an odd column under the outer
// ones; and so with rows. `dy` is column 0 of the first row of outputs that read this row of x, `tap` of the kernel's row
// that they read it with; the second lies `row_step` and `tap_step` further.
static inline __attribute__((always_inline)) void SpreadRow(const DepthwiseShape& s, const float* dy, long row_step,
                                                            const float* tap, long tap_step, int rows, float* dx,
                                                            long count) {
  Vector taps[6];
#pragma GCC unroll 6
  for (int i = 0; i < 3 * rows; ++i) taps[i] = LoadSome(tap + i / 3 * tap_step + i % 3 * s.channels, count);
  Vector left[2];
#pragma GCC unroll 2
  for (int row = 0; row < rows; ++row) left[row] = LoadSome(dy + row * row_step, count);
  for (long column = 0; column < s.out_width; ++column) {
    const bool is_last = column + 1 == s.out_width;
    Vector even = {};
    Vector odd = {};
#pragma GCC unroll 2
    for (int row = 0; row < rows; ++row) {
      const Vector right = is_last ? Vector{} : LoadSome(dy + row * row_step + (column + 1) * s.channels, count);
      even += taps[row * 3 + 1] * left[row];
      odd += taps[row * 3 + 2] * left[row];
      if (!is_last) odd += taps[row * 3] * right;
      left[row] = right;
    }
    float* to = dx + 2 * column * s.channels;
    StoreSome(to, even, count);
    if (2 * column + 1 < s.width) StoreSome(to + s.channels, odd, count);
  }
}

static inline __attribute__((always_inline)) void SpreadChannels(const DepthwiseShape& s, const float* dy,
                                                                 const float* kernel, long row, float* dx,
                                                                 long count) {
  const long row_stride = s.out_width * s.channels;
  const long above = row / 2;  // the output that reads this row with its middle or lower taps
  const float* from = dy + above * row_stride;
  if (row % 2 == 0) {
    SpreadRow(s, from, 0, kernel + 3 * s.channels, 0, 1, dx, count);
  } else if (above + 1 == s.out_height) {
    SpreadRow(s, from, 0, kernel + 6 * s.channels, 0, 1, dx, count);
  } else {
    SpreadRow(s, from, row_stride, kernel + 6 * s.channels, -6 * s.channels, 2, dx, count);
  }
}

// One row of dx: the sum over the taps through which this pixel reached an output. With stride 1 this is a correlation
// with the kernel turned by 180 degrees.
static void InputGradientRow(const DepthwiseShape& s, const float* dy, const float* kernel, long row, float* dx) {
  if (s.stride == 1) {
    const long first_row = row - 1;
    const long row_stride = s.out_width * s.channels;
    CorrelateRow({dy + first_row * row_stride, row_stride, s.out_width, kernel + 8 * s.channels, -s.channels,
                  RowsFrom(first_row), RowsTo(first_row, s.out_height), 1, dx, s.width, s.channels});
    return;
  }
  long channel = 0;
  for (; channel + kLanes <= s.channels; channel += kLanes) {
    SpreadChannels(s, dy + channel, kernel + channel, row, dx + channel, kLanes);
  }
  if (channel < s.channels) SpreadChannels(s, dy + channel, kernel + channel, row, dx + channel, s.channels - channel);
}

// gradient [3, 3, channels] += the sum over the pixels of one row of dy.
static void KernelGradientRow(const DepthwiseShape& s, const float* x, const float* dy, long row, float* gradient) {
  for (long channel = 0; channel < s.channels; channel += kLanes) {
    const long count = CountFrom(channel, s.channels);
    Vector sums[9];
    for (int tap = 0; tap < 9; ++tap) sums[tap] = LoadSome(gradient + tap * s.channels + channel, count);
    for (long column = 0; column < s.out_width; ++column) {
      const Vector upstream = LoadSome(dy + column * s.channels + channel, count);
#pragma GCC unroll 3
      for (int ky = 0; ky < 3; ++ky) {
        const long in_row = row * s.stride + ky - 1;
        if (in_row < 0 || in_row >= s.height) continue;
#pragma GCC unroll 3
        for (int kx = 0; kx < 3; ++kx) {
          const long in_column = column * s.stride + kx - 1;
          if (in_column < 0 || in_column >= s.width) continue;
          sums[ky * 3 + kx] +=
              upstream * LoadSome(x + (in_row * s.width + in_column) * s.channels + channel, count);
        }
      }
    }
    for (int tap = 0; tap < 9; ++tap) StoreSome(gradient + tap * s.channels + channel, sums[tap], count);
  }
}

static const DepthwiseRows kRows{ForwardRow, InputGradientRow, KernelGradientRow};
