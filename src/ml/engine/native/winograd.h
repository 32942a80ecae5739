#ifndef ARCQUEUE_WINOGRAD_H_
#define ARCQUEUE_WINOGRAD_H_

// The transforms of Winograd's minimal filtering F(4x4, 3x3), as in Lavin & Gray 2015 (arXiv:1509.09308), section 4.3:
// a 3x3 convolution of a 6x6 input tile d with a kernel g gives a 4x4 output tile
//   Y = A^T [ (G g G^T) * (B^T d B) ] A
// with 36 products where the definition takes 144. The element-wise products, summed over input channels, are 36
// independent matrix products, one per position ("frequency") in the 6x6 grid.
//
// The gradients are the transposes of these linear maps. With D = A dY A^T (6x6 from a 4x4 tile of dY), the kernel's is
//   dg = G^T [ sum over tiles of (B^T d B) * D ] G

namespace arcqueue {

constexpr long kTileOut = 4;
constexpr long kTileIn = 6;
constexpr long kFrequencies = 36;

// One image [height, width, channels].
struct Plane {
  long height;
  long width;
  long channels;
};

// Where a tile's transform lies: frequency f, channel c at
//   data + f frequency_stride + (c / panel_width) panel_stride + c % panel_width.
struct Spectrum {
  float* data;
  long frequency_stride;
  long panel_stride;
};

struct WinogradTransforms {
  // B^T d B of the 6x6 tile of `image` whose first row and column are given, zeros outside of the image.
  void (*input)(const float* image, const Plane&, long first_row, long first_column, const Spectrum& to);
  // A dY A^T of a 4x4 tile, zeros outside.
  void (*output_gradient)(const float* image, const Plane&, long first_row, long first_column, const Spectrum& to);
  // A^T m A into the 4x4 tile of `image`, as far as it lies inside.
  void (*output)(const Spectrum& from, const Plane&, long first_row, long first_column, float* image);
  // G g G^T for one input channel: `kernel` is [3, 3, in, out] moved to that channel, `tap_stride` = in x out.
  void (*kernel)(const float* kernel, long tap_stride, long out_channels, const Spectrum& to);
  // G^T u G for one input channel, into the gradient of the same form.
  void (*kernel_gradient)(const Spectrum& from, long tap_stride, long out_channels, float* gradient);
};

// For the processor that this runs on; the panel width is BestGemm()'s.
const WinogradTransforms& BestWinogradTransforms();

}  // namespace arcqueue

#endif  // ARCQUEUE_WINOGRAD_H_
