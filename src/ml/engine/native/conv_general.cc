// The convolution of any kernel size, stride and padding, and its two gradients, as matrix products: the pixels under the
// kernel are copied side by side into a row of k*k*in values ("im2col"), one row per output pixel.
// x is [n, h, w, in], the kernel [k, k, in, out], y [n, h', w', out]; the padding is zeros on all four sides.

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "gemm.h"
#include "parallel.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace arcqueue {
namespace {

using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;

// Output pixels whose rows are gathered at once; they stay in the second cache until they are multiplied.
constexpr int64_t kPixels = 48;
// The kernel's gradient is a sum over all output pixels, cut into at most kChunks parts by their number alone.
constexpr int64_t kChunks = 16;
constexpr int64_t kMinChunkPixels = 1024;

struct Geometry {
  int64_t images, height, width, in;
  int64_t out_height, out_width, out;
  int64_t kernel, stride, padding;

  int64_t Depth() const { return kernel * kernel * in; }
  int64_t ImageSize() const { return height * width * in; }
  int64_t OutPixelsPerImage() const { return out_height * out_width; }
  int64_t OutPixels() const { return images * OutPixelsPerImage(); }
};

// Calls tap(tap number, its place in x or -1 in the padding) for each of the k*k taps of an output pixel of one image.
template <typename Tap>
void ForEachTap(const Geometry& g, int64_t pixel, const Tap& tap) {
  const int64_t first_row = pixel / g.out_width * g.stride - g.padding;
  const int64_t first_column = pixel % g.out_width * g.stride - g.padding;
  for (int64_t ky = 0; ky < g.kernel; ++ky) {
    for (int64_t kx = 0; kx < g.kernel; ++kx) {
      const int64_t row = first_row + ky;
      const int64_t column = first_column + kx;
      const bool is_inside = row >= 0 && row < g.height && column >= 0 && column < g.width;
      tap(ky * g.kernel + kx, is_inside ? (row * g.width + column) * g.in : -1);
    }
  }
}

// Rows [count, k*k*in] of the output pixels first, first + 1, … of the batch.
void Gather(const Geometry& g, const float* x, int64_t first, int64_t count, float* rows) {
  for (int64_t i = 0; i < count; ++i) {
    const float* image = x + (first + i) / g.OutPixelsPerImage() * g.ImageSize();
    float* row = rows + i * g.Depth();
    ForEachTap(g, (first + i) % g.OutPixelsPerImage(), [&](int64_t tap, int64_t place) {
      float* to = row + tap * g.in;
      if (place < 0) {
        std::memset(to, 0, g.in * sizeof(float));
      } else {
        std::memcpy(to, image + place, g.in * sizeof(float));
      }
    });
  }
}

// The transpose of Gather within one image: adds each value to the pixel that it was copied from.
void ScatterAdd(const Geometry& g, const float* rows, int64_t first, int64_t count, float* image) {
  for (int64_t i = 0; i < count; ++i) {
    const float* row = rows + i * g.Depth();
    ForEachTap(g, first + i, [&](int64_t tap, int64_t place) {
      if (place < 0) return;
      float* __restrict__ to = image + place;
      const float* __restrict__ from = row + tap * g.in;
      for (int64_t c = 0; c < g.in; ++c) to[c] += from[c];
    });
  }
}

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

  absl::Status CheckKernel(const Tensor& images, const Tensor& kernel, int channel_axis) const {
    if (images.dims() == 4 && kernel.dims() == 4 && kernel.dim_size(0) == kernel_ && kernel.dim_size(1) == kernel_ &&
        kernel.dim_size(channel_axis) == images.dim_size(3)) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(absl::StrCat("The convolution expects [n, h, w, c] and a kernel [", kernel_, ", ",
                                               kernel_, ", in, out], found ", images.shape().DebugString(), " and ",
                                               kernel.shape().DebugString()));
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

class ConvGeneralOp : public ConvGeneralKernel {
 public:
  using ConvGeneralKernel::ConvGeneralKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& kernel = context->input(1);
    OP_REQUIRES_OK(context, CheckKernel(x, kernel, 2));
    Geometry g;
    OP_REQUIRES_OK(context, ToGeometry(x.dim_size(0), x.dim_size(1), x.dim_size(2), x.dim_size(3), kernel.dim_size(3), &g));
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({g.images, g.out_height, g.out_width, g.out}), &y));
    if (y->NumElements() == 0) return;
    const Gemm& gemm = BestGemm();
    const int64_t depth = g.Depth();
    Tensor packed;
    OP_REQUIRES_OK(context, context->allocate_temp(tensorflow::DT_FLOAT,
                                                   TensorShape({depth * RoundUp(g.out, gemm.panel_width)}), &packed));
    const float* b = packed.flat<float>().data();
    gemm.pack(kernel.flat<float>().data(), g.out, depth, g.out, packed.flat<float>().data());
    const float* x_data = x.flat<float>().data();
    float* y_data = y->flat<float>().data();
    const int64_t blocks = (g.OutPixels() + kPixels - 1) / kPixels;
    ForEachRange(context, blocks, kPixels * depth * g.out / 16, [&](int64_t begin, int64_t end) {
      const Scratch rows(kPixels * depth);
      for (int64_t block = begin; block < end; ++block) {
        const int64_t first = block * kPixels;
        const int64_t count = std::min(kPixels, g.OutPixels() - first);
        Gather(g, x_data, first, count, rows.data());
        gemm.multiply({rows.data(), depth, 1, b, depth * gemm.panel_width, gemm.panel_width, y_data + first * g.out, g.out,
                       count, depth, g.out, false});
      }
    });
  }
};

// Takes the sizes of x as an input because a stride maps several of them to one.
class ConvGeneralInputGradOp : public ConvGeneralKernel {
 public:
  using ConvGeneralKernel::ConvGeneralKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& dy = context->input(0);
    const Tensor& kernel = context->input(1);
    const Tensor& sizes = context->input(2);  // [n, h, w, in]
    OP_REQUIRES_OK(context, CheckKernel(dy, kernel, 3));
    OP_REQUIRES(context, sizes.NumElements() == 4, absl::InvalidArgumentError("Expected four sizes of the input"));
    const auto size = sizes.flat<int32_t>();
    Geometry g;
    OP_REQUIRES_OK(context, ToGeometry(size(0), size(1), size(2), kernel.dim_size(2), dy.dim_size(3), &g));
    OP_REQUIRES_OK(context, CheckGradient(g, dy));
    Tensor* dx = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({g.images, g.height, g.width, g.in}), &dx));
    if (dx->NumElements() == 0) return;
    const Gemm& gemm = BestGemm();
    const int64_t depth = g.Depth();
    Tensor packed;  // the kernel as [out, k*k*in]
    OP_REQUIRES_OK(context, context->allocate_temp(tensorflow::DT_FLOAT,
                                                   TensorShape({g.out * RoundUp(depth, gemm.panel_width)}), &packed));
    const float* b = packed.flat<float>().data();
    gemm.pack_transposed(kernel.flat<float>().data(), g.out, g.out, depth, packed.flat<float>().data());
    const float* dy_data = dy.flat<float>().data();
    float* dx_data = dx->flat<float>().data();
    // One thread adds up an image: the order of its sums is fixed, and no two threads write to one place.
    ForEachRange(context, g.images, g.OutPixelsPerImage() * depth * g.out / 16, [&](int64_t begin, int64_t end) {
      const Scratch rows(kPixels * depth);
      for (int64_t i = begin; i < end; ++i) {
        float* image = dx_data + i * g.ImageSize();
        std::fill(image, image + g.ImageSize(), 0.0f);
        for (int64_t first = 0; first < g.OutPixelsPerImage(); first += kPixels) {
          const int64_t count = std::min(kPixels, g.OutPixelsPerImage() - first);
          gemm.multiply({dy_data + (i * g.OutPixelsPerImage() + first) * g.out, g.out, 1, b, g.out * gemm.panel_width,
                         gemm.panel_width, rows.data(), depth, count, g.out, depth, false});
          ScatterAdd(g, rows.data(), first, count, image);
        }
      }
    });
  }
};

class ConvGeneralKernelGradOp : public ConvGeneralKernel {
 public:
  using ConvGeneralKernel::ConvGeneralKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    const Tensor& dy = context->input(1);
    OP_REQUIRES(context, x.dims() == 4 && dy.dims() == 4,
                absl::InvalidArgumentError("The convolution's gradient expects [n, h, w, c] twice"));
    Geometry g;
    OP_REQUIRES_OK(context, ToGeometry(x.dim_size(0), x.dim_size(1), x.dim_size(2), x.dim_size(3), dy.dim_size(3), &g));
    OP_REQUIRES_OK(context, CheckGradient(g, dy));
    Tensor* gradient = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({g.kernel, g.kernel, g.in, g.out}), &gradient));
    float* gradient_data = gradient->flat<float>().data();
    const int64_t depth = g.Depth();
    std::fill(gradient_data, gradient_data + depth * g.out, 0.0f);
    if (g.OutPixels() == 0 || depth * g.out == 0) return;

    const Gemm& gemm = BestGemm();
    const int64_t chunk_pixels = std::max(kMinChunkPixels, (g.OutPixels() + kChunks - 1) / kChunks);
    const int64_t chunks = (g.OutPixels() + chunk_pixels - 1) / chunk_pixels;
    Tensor partial;  // [chunks, k*k*in, out]
    OP_REQUIRES_OK(context,
                   context->allocate_temp(tensorflow::DT_FLOAT, TensorShape({chunks, depth * g.out}), &partial));
    float* partial_data = partial.flat<float>().data();
    const float* x_data = x.flat<float>().data();
    const float* dy_data = dy.flat<float>().data();
    ForEachRange(context, chunks, chunk_pixels * depth * g.out / 16, [&](int64_t begin, int64_t end) {
      const Scratch rows(kPixels * depth);
      const Scratch panels(kPixels * RoundUp(g.out, gemm.panel_width));
      for (int64_t chunk = begin; chunk < end; ++chunk) {
        const int64_t start = chunk * chunk_pixels;
        const int64_t last = std::min(start + chunk_pixels, g.OutPixels());
        for (int64_t first = start; first < last; first += kPixels) {
          const int64_t count = std::min(kPixels, last - first);
          Gather(g, x_data, first, count, rows.data());
          gemm.pack(dy_data + first * g.out, g.out, count, g.out, panels.data());
          gemm.multiply({rows.data(), 1, depth, panels.data(), count * gemm.panel_width, gemm.panel_width,
                         partial_data + chunk * depth * g.out, g.out, depth, count, g.out, first > start});
        }
      }
    });
    ForEachRange(context, depth * g.out, chunks, [&](int64_t begin, int64_t end) {
      for (int64_t chunk = 0; chunk < chunks; ++chunk) {
        const float* part = partial_data + chunk * depth * g.out;
        for (int64_t i = begin; i < end; ++i) gradient_data[i] += part[i];
      }
    });
  }
};

// Shapes are checked when the kernel runs; this service builds no graphs that would ask for them earlier.
absl::Status UnknownOutput(tensorflow::shape_inference::InferenceContext* context) {
  context->set_output(0, context->UnknownShape());
  return absl::OkStatus();
}

}  // namespace

REGISTER_OP("ArcqueueConvGeneral")
    .Input("x: float")
    .Input("weights: float")
    .Attr("kernel: int")
    .Attr("stride: int")
    .Attr("padding: int")
    .Output("y: float")
    .SetShapeFn(UnknownOutput);

REGISTER_OP("ArcqueueConvGeneralInputGrad")
    .Input("dy: float")
    .Input("weights: float")
    .Input("input_sizes: int32")
    .Attr("kernel: int")
    .Attr("stride: int")
    .Attr("padding: int")
    .Output("dx: float")
    .SetShapeFn(UnknownOutput);

REGISTER_OP("ArcqueueConvGeneralKernelGrad")
    .Input("x: float")
    .Input("dy: float")
    .Attr("kernel: int")
    .Attr("stride: int")
    .Attr("padding: int")
    .Output("dweights: float")
    .SetShapeFn(UnknownOutput);

REGISTER_KERNEL_BUILDER(Name("ArcqueueConvGeneral").Device(tensorflow::DEVICE_CPU), ConvGeneralOp);
REGISTER_KERNEL_BUILDER(Name("ArcqueueConvGeneralInputGrad").Device(tensorflow::DEVICE_CPU), ConvGeneralInputGradOp);
REGISTER_KERNEL_BUILDER(Name("ArcqueueConvGeneralKernelGrad").Device(tensorflow::DEVICE_CPU), ConvGeneralKernelGradOp);

}  // namespace arcqueue
