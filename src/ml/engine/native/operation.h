#ifndef ARCQUEUE_OPERATION_H_
#define ARCQUEUE_OPERATION_H_

// What each file that registers an operation with TensorFlow needs.

#include "absl/strings/str_cat.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace arcqueue {

using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;

// The shape function of every operation: shapes are checked when the kernel runs, and this service builds no graphs
// that would ask for them earlier.
inline absl::Status UnknownOutputs(tensorflow::shape_inference::InferenceContext* context) {
  for (int i = 0; i < context->num_outputs(); ++i) context->set_output(i, context->UnknownShape());
  return absl::OkStatus();
}

inline const float* Data(const Tensor& tensor) { return tensor.flat<float>().data(); }
inline float* Data(Tensor* tensor) { return tensor->flat<float>().data(); }

// Floats that the kernel needs while it runs, not initialised.
inline absl::Status AllocateScratch(OpKernelContext* context, const TensorShape& shape, Tensor* tensor) {
  return context->allocate_temp(tensorflow::DT_FLOAT, shape, tensor);
}

}  // namespace arcqueue

#endif  // ARCQUEUE_OPERATION_H_
