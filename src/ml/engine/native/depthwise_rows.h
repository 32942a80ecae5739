#ifndef ARCQUEUE_DEPTHWISE_ROWS_H_
#define ARCQUEUE_DEPTHWISE_ROWS_H_

namespace arcqueue {

// A 3x3 depthwise convolution of one image with one row and column of zeros around it: x [height, width, channels],
// kernel [3, 3, channels], y [out_height, out_width, channels].
struct DepthwiseShape {
  long height;
  long width;
  long out_height;
  long out_width;
  long channels;
  long stride;  // 1 or 2
};

// `x`, `dy` of the first two are whole images; y, dx and, in the last, dy are one row.
struct DepthwiseRows {
  void (*forward)(const DepthwiseShape&, const float* x, const float* kernel, long row, float* y);
  void (*input_gradient)(const DepthwiseShape&, const float* dy, const float* kernel, long row, float* dx);
  void (*kernel_gradient)(const DepthwiseShape&, const float* x, const float* dy, long row, float* gradient);
};

// For the processor that this runs on.
const DepthwiseRows& BestDepthwiseRows();

}  // namespace arcqueue

#endif  // ARCQUEUE_DEPTHWISE_ROWS_H_
