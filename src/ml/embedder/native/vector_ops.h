#ifndef ARCQUEUE_VECTOR_OPS_H_
#define ARCQUEUE_VECTOR_OPS_H_

namespace arcqueue {

// What is done to the values of a convolution before they leave the cache: y = prelu(y + bias + residual). Each may be
// absent (null). `bias` and `slope` have a value per channel; `residual` lies as the output does.
struct Epilogue {
  const float* bias = nullptr;
  const float* slope = nullptr;
  const float* residual = nullptr;
};

// One image's map of a depthwise convolution.
struct DepthwiseMap {
  const float* input;  // [in_height, in_width, channels]
  float* output;       // [out_height, out_width, channels]
  const float* kernel; // [size, size, channels]
  long in_height;
  long in_width;
  long out_width;
  long channels;
  long size;
  long stride;
  long padding;
};

struct VectorOps {
  // `residual` of the epilogue is that of the first row; its rows lie `residual_stride` apart.
  void (*finish)(float* y, long rows, long row_stride, long columns, const Epilogue&, long residual_stride);
  // One row of a depthwise convolution's output. With `accumulate` it adds to what is there.
  void (*depthwise_row)(const DepthwiseMap&, long out_row, const Epilogue&, bool accumulate);
  // y = scale x + shift, per channel.
  void (*affine)(const float* x, float* y, long rows, long channels, const float* scale, const float* shift);
};

// For the processor that this runs on.
const VectorOps& BestVectorOps();

}  // namespace arcqueue

#endif  // ARCQUEUE_VECTOR_OPS_H_
