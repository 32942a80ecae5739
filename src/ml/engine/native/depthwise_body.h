// The loops of depthwise3x3.cc for one instruction set (see instruction_sets.h). Each holds the nine taps of kLanes
// channels in registers while it walks along a row.

#include "lanes_body.h"

// One row of y: y[column] = sum over taps of kernel[tap] * x[row * stride + tap row - 1][column * stride + tap column - 1].
static void ForwardRow(const DepthwiseShape& s, const float* x, const float* kernel, long row, float* y) {
  for (long channel = 0; channel < s.channels; channel += kLanes) {
    const long count = CountFrom(channel, s.channels);
    Vector taps[9];
    for (int tap = 0; tap < 9; ++tap) taps[tap] = LoadSome(kernel + tap * s.channels + channel, count);
    for (long column = 0; column < s.out_width; ++column) {
      Vector sum = {};
#pragma GCC unroll 3
      for (int ky = 0; ky < 3; ++ky) {
        const long in_row = row * s.stride + ky - 1;
        if (in_row < 0 || in_row >= s.height) continue;
#pragma GCC unroll 3
        for (int kx = 0; kx < 3; ++kx) {
          const long in_column = column * s.stride + kx - 1;
          if (in_column < 0 || in_column >= s.width) continue;
          sum += taps[ky * 3 + kx] * LoadSome(x + (in_row * s.width + in_column) * s.channels + channel, count);
        }
      }
      StoreSome(y + column * s.channels + channel, sum, count);
    }
  }
}

// One row of dx: the sum over the taps through which this pixel reached an output.
static void InputGradientRow(const DepthwiseShape& s, const float* dy, const float* kernel, long row, float* dx) {
  for (long channel = 0; channel < s.channels; channel += kLanes) {
    const long count = CountFrom(channel, s.channels);
    Vector taps[9];
    for (int tap = 0; tap < 9; ++tap) taps[tap] = LoadSome(kernel + tap * s.channels + channel, count);
    for (long column = 0; column < s.width; ++column) {
      Vector sum = {};
#pragma GCC unroll 3
      for (int ky = 0; ky < 3; ++ky) {
        const long y = row + 1 - ky;
        if (y < 0 || y % s.stride != 0 || y / s.stride >= s.out_height) continue;
#pragma GCC unroll 3
        for (int kx = 0; kx < 3; ++kx) {
          const long x = column + 1 - kx;
          if (x < 0 || x % s.stride != 0 || x / s.stride >= s.out_width) continue;
          const float* at = dy + (y / s.stride * s.out_width + x / s.stride) * s.channels + channel;
          sum += taps[ky * 3 + kx] * LoadSome(at, count);
        }
      }
      StoreSome(dx + column * s.channels + channel, sum, count);
    }
  }
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
