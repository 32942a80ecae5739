#ifndef ARCQUEUE_PIXEL_WINDOWS_H_
#define ARCQUEUE_PIXEL_WINDOWS_H_

// The pixels under a convolution's kernel, copied side by side into a row of k*k*in values ("im2col"), one row per
// output pixel. The padding is zeros on all four sides.

#include <cstdint>
#include <cstring>

namespace arcqueue {

// Output pixels whose rows are gathered at once; they stay in the second cache until they are multiplied.
constexpr int64_t kPixels = 48;

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
inline void Gather(const Geometry& g, const float* x, int64_t first, int64_t count, float* rows) {
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
inline void ScatterAdd(const Geometry& g, const float* rows, int64_t first, int64_t count, float* image) {
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

}  // namespace arcqueue

#endif  // ARCQUEUE_PIXEL_WINDOWS_H_
