#ifndef ARCQUEUE_CONVOLUTION_CHECKS_H_
#define ARCQUEUE_CONVOLUTION_CHECKS_H_

// The shapes that the convolutions accept: images [n, h, w, c], kernels [k, k, in, out].

#include <cstdint>

#include "operation.h"

namespace arcqueue {

// Whether `images` has the channels of the kernel's axis 2 (the input's) or 3 (the output's).
inline absl::Status CheckKernel(const Tensor& images, const Tensor& kernel, int64_t size, int channel_axis) {
  if (images.dims() == 4 && kernel.dims() == 4 && kernel.dim_size(0) == size && kernel.dim_size(1) == size &&
      kernel.dim_size(channel_axis) == images.dim_size(3)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("The convolution expects [n, h, w, c] and a kernel [", size, ", ",
                                                 size, ", in, out], found ", images.shape().DebugString(), " and ",
                                                 kernel.shape().DebugString()));
}

// Of a convolution whose output has its input's height and width.
inline absl::Status CheckSamePixels(const Tensor& x, const Tensor& dy) {
  if (x.dims() == 4 && dy.dims() == 4 && x.dim_size(0) == dy.dim_size(0) && x.dim_size(1) == dy.dim_size(1) &&
      x.dim_size(2) == dy.dim_size(2)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("The convolution's gradient expects [n, h, w, c] twice, found ",
                                                 x.shape().DebugString(), " and ", dy.shape().DebugString()));
}

inline TensorShape WithChannels(const Tensor& images, int64_t channels) {
  TensorShape shape = images.shape();
  shape.set_dim(3, channels);
  return shape;
}

}  // namespace arcqueue

#endif  // ARCQUEUE_CONVOLUTION_CHECKS_H_
