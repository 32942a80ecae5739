// The transforms of winograd.h for one instruction set (see instruction_sets.h). Each works on kLanes channels at a
// time; a matrix is applied to the columns of a tile, then to its rows.

#include "lanes_body.h"

// B^T d, written as in Lavin & Gray with the common sums taken out.
static inline void InputTransform(const Vector d[6], Vector t[6]) {
  const Vector even = d[4] - 4.0f * d[2];
  const Vector odd = d[3] - 4.0f * d[1];
  const Vector even2 = d[4] - d[2];
  const Vector odd2 = 2.0f * (d[3] - d[1]);
  t[0] = 4.0f * d[0] - 5.0f * d[2] + d[4];
  t[1] = even + odd;
  t[2] = even - odd;
  t[3] = even2 + odd2;
  t[4] = even2 - odd2;
  t[5] = 4.0f * d[1] - 5.0f * d[3] + d[5];
}

// A^T m
static inline void OutputTransform(const Vector m[6], Vector y[4]) {
  const Vector sum1 = m[1] + m[2];
  const Vector difference1 = m[1] - m[2];
  const Vector sum2 = m[3] + m[4];
  const Vector difference2 = m[3] - m[4];
  y[0] = m[0] + sum1 + sum2;
  y[1] = difference1 + 2.0f * difference2;
  y[2] = sum1 + 4.0f * sum2;
  y[3] = difference1 + 8.0f * difference2 + m[5];
}

// A y
static inline void OutputGradientTransform(const Vector y[4], Vector t[6]) {
  const Vector even = y[0] + y[2];
  const Vector odd = y[1] + y[3];
  const Vector even2 = y[0] + 4.0f * y[2];
  const Vector odd2 = 2.0f * y[1] + 8.0f * y[3];
  t[0] = y[0];
  t[1] = even + odd;
  t[2] = even - odd;
  t[3] = even2 + odd2;
  t[4] = even2 - odd2;
  t[5] = y[3];
}

// G g
static inline void KernelTransform(const Vector g[3], Vector u[6]) {
  const Vector outer = (g[0] + g[2]) * (-1.0f / 6.0f);
  const Vector middle = g[1] * (-1.0f / 6.0f);
  const Vector outer2 = g[0] * (1.0f / 24.0f) + g[2] * (1.0f / 6.0f);
  const Vector middle2 = g[1] * (1.0f / 12.0f);
  u[0] = 0.25f * g[0];
  u[1] = outer + middle;
  u[2] = outer - middle;
  u[3] = outer2 + middle2;
  u[4] = outer2 - middle2;
  u[5] = g[2];
}

// G^T u
static inline void KernelGradientTransform(const Vector u[6], Vector g[3]) {
  const Vector sum1 = (u[1] + u[2]) * (1.0f / 6.0f);
  const Vector sum2 = u[3] + u[4];
  g[0] = 0.25f * u[0] - sum1 + sum2 * (1.0f / 24.0f);
  g[1] = (u[2] - u[1]) * (1.0f / 6.0f) + (u[3] - u[4]) * (1.0f / 12.0f);
  g[2] = sum2 * (1.0f / 6.0f) - sum1 + u[5];
}

// Applies `Transform` (kFrom values to kTo) to the columns of `tile`, then to its rows.
template <int kFrom, int kTo, void (*Transform)(const Vector*, Vector*)>
static inline __attribute__((always_inline)) void TransformTile(const Vector (&tile)[kFrom][kFrom],
                                                                Vector (&result)[kTo][kTo]) {
  Vector half[kTo][kFrom];
#pragma GCC unroll 8
  for (int column = 0; column < kFrom; ++column) {
    Vector in[kFrom];
    Vector out[kTo];
#pragma GCC unroll 8
    for (int row = 0; row < kFrom; ++row) in[row] = tile[row][column];
    Transform(in, out);
#pragma GCC unroll 8
    for (int row = 0; row < kTo; ++row) half[row][column] = out[row];
  }
#pragma GCC unroll 8
  for (int row = 0; row < kTo; ++row) Transform(half[row], result[row]);
}

// Panels are two vectors wide, as in gemm_body.h.
static inline float* At(const Spectrum& spectrum, long channel) {
  const long vector = channel / kLanes;
  return spectrum.data + vector / 2 * spectrum.panel_stride + vector % 2 * kLanes;
}

template <int kFrom, void (*Transform)(const Vector*, Vector*)>
static void TileToSpectrum(const float* image, const Plane& plane, long first_row, long first_column,
                           const Spectrum& to) {
  const bool is_inside = first_row >= 0 && first_column >= 0 && first_row + kFrom <= plane.height &&
                         first_column + kFrom <= plane.width;
  const long row_stride = plane.width * plane.channels;
  const float* corner = image + first_row * row_stride + first_column * plane.channels;
  for (long channel = 0; channel < plane.channels; channel += kLanes) {
    const long count = CountFrom(channel, plane.channels);
    Vector tile[kFrom][kFrom];
    for (int row = 0; row < kFrom; ++row) {
      for (int column = 0; column < kFrom; ++column) {
        const long y = first_row + row;
        const long x = first_column + column;
        const bool is_pixel = is_inside || (y >= 0 && y < plane.height && x >= 0 && x < plane.width);
        tile[row][column] =
            is_pixel ? LoadSome(corner + row * row_stride + column * plane.channels + channel, count) : Vector{};
      }
    }
    Vector result[6][6];
    TransformTile<kFrom, 6, Transform>(tile, result);
    float* at = At(to, channel);
    for (int f = 0; f < kFrequencies; ++f) Store(at + f * to.frequency_stride, result[f / 6][f % 6]);
  }
}

static void SpectrumToTile(const Spectrum& from, const Plane& plane, long first_row, long first_column, float* image) {
  const long rows = plane.height - first_row < kTileOut ? plane.height - first_row : kTileOut;
  const long columns = plane.width - first_column < kTileOut ? plane.width - first_column : kTileOut;
  for (long channel = 0; channel < plane.channels; channel += kLanes) {
    const long count = CountFrom(channel, plane.channels);
    const float* at = At(from, channel);
    Vector spectrum[6][6];
    for (int f = 0; f < kFrequencies; ++f) spectrum[f / 6][f % 6] = Load(at + f * from.frequency_stride);
    Vector tile[4][4];
    TransformTile<6, 4, OutputTransform>(spectrum, tile);
    for (long row = 0; row < rows; ++row) {
      float* to = image + ((first_row + row) * plane.width + first_column) * plane.channels + channel;
      for (long column = 0; column < columns; ++column) {
        StoreSome(to + column * plane.channels, tile[row][column], count);
      }
    }
  }
}

static void KernelToSpectrum(const float* kernel, long tap_stride, long out_channels, const Spectrum& to) {
  for (long channel = 0; channel < out_channels; channel += kLanes) {
    const long count = CountFrom(channel, out_channels);
    Vector taps[3][3];
    for (int tap = 0; tap < 9; ++tap) taps[tap / 3][tap % 3] = LoadSome(kernel + tap * tap_stride + channel, count);
    Vector result[6][6];
    TransformTile<3, 6, KernelTransform>(taps, result);
    float* at = At(to, channel);
    for (int f = 0; f < kFrequencies; ++f) Store(at + f * to.frequency_stride, result[f / 6][f % 6]);
  }
}

static void SpectrumToKernel(const Spectrum& from, long tap_stride, long out_channels, float* gradient) {
  for (long channel = 0; channel < out_channels; channel += kLanes) {
    const long count = CountFrom(channel, out_channels);
    const float* at = At(from, channel);
    Vector spectrum[6][6];
    for (int f = 0; f < kFrequencies; ++f) spectrum[f / 6][f % 6] = Load(at + f * from.frequency_stride);
    Vector taps[3][3];
    TransformTile<6, 3, KernelGradientTransform>(spectrum, taps);
    for (int tap = 0; tap < 9; ++tap) StoreSome(gradient + tap * tap_stride + channel, taps[tap / 3][tap % 3], count);
  }
}

static const WinogradTransforms kTransforms{
    TileToSpectrum<6, InputTransform>, TileToSpectrum<4, OutputGradientTransform>, SpectrumToTile, KernelToSpectrum,
    SpectrumToKernel,
};
