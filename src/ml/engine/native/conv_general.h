#ifndef ARCQUEUE_CONV_GENERAL_H_
#define ARCQUEUE_CONV_GENERAL_H_

#include <cstdint>

#include "operation.h"
#include "pixel_windows.h"

namespace arcqueue {

// The convolution of any kernel size, stride and padding, as matrix products of gathered pixels: x is [n, h, w, in],
// the kernel [k, k, in, out], y [n, h', w', out].
class ConvGeneralKernel : public OpKernel {
 public:
  explicit ConvGeneralKernel(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("kernel", &kernel_));
    OP_REQUIRES_OK(construction, construction->GetAttr("stride", &stride_));
    OP_REQUIRES_OK(construction, construction->GetAttr("padding", &padding_));
    OP_REQUIRES(construction, kernel_ > 0 && stride_ > 0 && padding_ >= 0,
                absl::InvalidArgumentError("Expected a positive kernel and stride, and a padding of at least 0"));
  }

 protected:
  absl::Status ToGeometry(int64_t images, int64_t height, int64_t width, int64_t in, int64_t out, Geometry* g) const {
    if (height + 2 * padding_ < kernel_ || width + 2 * padding_ < kernel_) {
      return absl::InvalidArgumentError(absl::StrCat("An image of ", height, " by ", width, " is smaller than the kernel"));
    }
    const int64_t out_height = (height + 2 * padding_ - kernel_) / stride_ + 1;
    const int64_t out_width = (width + 2 * padding_ - kernel_) / stride_ + 1;
    *g = {images, height, width, in, out_height, out_width, out, kernel_, stride_, padding_};
    return absl::OkStatus();
  }

  static absl::Status CheckGradient(const Geometry& g, const Tensor& dy) {
    if (dy.shape() == TensorShape({g.images, g.out_height, g.out_width, g.out})) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("Expected dy of ", g.out_height, " by ", g.out_width, " pixels, found ", dy.shape().DebugString()));
  }

  int64_t kernel_;
  int64_t stride_;
  int64_t padding_;
};

}  // namespace arcqueue

#endif  // ARCQUEUE_CONV_GENERAL_H_
