// The operations of vector_ops.h for one instruction set (see instruction_sets.h).

#include "lanes_body.h"

// x where x > 0, else slope x. Chosen lane by lane, so NaN stays NaN.
static inline Vector Prelu(Vector x, Vector slope) { return x > Vector{} ? x : slope * x; }

static void Finish(float* y, long rows, long row_stride, long columns, const Epilogue& epilogue,
                   long residual_stride) {
  for (long column = 0; column < columns; column += kLanes) {
    const long count = CountFrom(column, columns);
    const Vector bias = epilogue.bias == nullptr ? Vector{} : LoadSome(epilogue.bias + column, count);
    const Vector slope = epilogue.slope == nullptr ? Splat(1.0f) : LoadSome(epilogue.slope + column, count);
    for (long row = 0; row < rows; ++row) {
      float* at = y + row * row_stride + column;
      Vector value = LoadSome(at, count) + bias;
      if (epilogue.residual != nullptr) {
        value += LoadSome(epilogue.residual + row * residual_stride + column, count);
      }
      StoreSome(at, Prelu(value, slope), count);
    }
  }
}

// Columns whose whole window lies inside the image need no test per tap.
struct Interior {
  long first;
  long last;  // exclusive
};

static Interior InteriorOf(const DepthwiseMap& map) {
  const long first = (map.padding + map.stride - 1) / map.stride;
  const long last = (map.in_width + map.padding - map.size) / map.stride + 1;
  return {first < map.out_width ? first : map.out_width, last < map.out_width ? last : map.out_width};
}

// One value vector from the taps [row_from, row_to) x [column_from, column_to) of the window.
static inline __attribute__((always_inline)) Vector Window(const float* corner, const float* kernel, long row_stride,
                                                           long channels, long size, long row_from, long row_to,
                                                           long column_from, long column_to, long count, Vector sum) {
  for (long row = row_from; row < row_to; ++row) {
    for (long column = column_from; column < column_to; ++column) {
      sum += LoadSome(corner + row * row_stride + column * channels, count) *
             LoadSome(kernel + (row * size + column) * channels, count);
    }
  }
  return sum;
}

// Interior columns of a 3x3 window: the nine taps stay in registers.
static inline __attribute__((always_inline)) void Row3x3(const float* corner, float* to, const float* kernel,
                                                         long row_stride, long channels, long column_stride,
                                                         long columns, Vector bias, Vector slope, bool accumulate) {
  Vector tap[3][3];
#pragma GCC unroll 3
  for (int row = 0; row < 3; ++row) {
#pragma GCC unroll 3
    for (int column = 0; column < 3; ++column) tap[row][column] = Load(kernel + (row * 3 + column) * channels);
  }
  for (long x = 0; x < columns; ++x, corner += column_stride, to += channels) {
    // Three sums, so that no chain of nine additions decides the speed.
    Vector sum[3] = {accumulate ? Load(to) + bias : bias, Vector{}, Vector{}};
#pragma GCC unroll 3
    for (int row = 0; row < 3; ++row) {
#pragma GCC unroll 3
      for (int column = 0; column < 3; ++column) {
        sum[row] += Load(corner + row * row_stride + column * channels) * tap[row][column];
      }
    }
    Store(to, Prelu(sum[0] + (sum[1] + sum[2]), slope));
  }
}

static void DepthwiseRow(const DepthwiseMap& map, long out_row, const Epilogue& epilogue, bool accumulate) {
  const long channels = map.channels;
  const long size = map.size;
  const long row_stride = map.in_width * channels;
  const long first_row = out_row * map.stride - map.padding;
  const long row_from = first_row < 0 ? -first_row : 0;
  const long row_to = map.in_height - first_row < size ? map.in_height - first_row : size;
  const Interior interior = InteriorOf(map);
  for (long channel = 0; channel < channels; channel += kLanes) {
    const long count = CountFrom(channel, channels);
    const Vector bias = epilogue.bias == nullptr ? Vector{} : LoadSome(epilogue.bias + channel, count);
    const Vector slope = epilogue.slope == nullptr ? Splat(1.0f) : LoadSome(epilogue.slope + channel, count);
    const float* kernel = map.kernel + channel;
    const float* input = map.input + first_row * row_stride + channel;
    float* output = map.output + out_row * map.out_width * channels + channel;
    const bool is_fast = size == 3 && count == kLanes && row_from == 0 && row_to == 3;
    for (long x = 0; x < map.out_width; ++x) {
      if (is_fast && x == interior.first && interior.last > interior.first) {
        Row3x3(input + (x * map.stride - map.padding) * channels, output + x * channels, kernel, row_stride, channels,
               map.stride * channels, interior.last - interior.first, bias, slope, accumulate);
        x = interior.last - 1;
        continue;
      }
      const long first_column = x * map.stride - map.padding;
      const long column_from = first_column < 0 ? -first_column : 0;
      const long column_to = map.in_width - first_column < size ? map.in_width - first_column : size;
      float* to = output + x * channels;
      const Vector start = accumulate ? LoadSome(to, count) + bias : bias;
      const Vector sum = Window(input + first_column * channels, kernel, row_stride, channels, size, row_from, row_to,
                                column_from, column_to, count, start);
      StoreSome(to, Prelu(sum, slope), count);
    }
  }
}

static void Affine(const float* x, float* y, long rows, long channels, const float* scale, const float* shift) {
  for (long channel = 0; channel < channels; channel += kLanes) {
    const long count = CountFrom(channel, channels);
    const Vector factor = LoadSome(scale + channel, count);
    const Vector offset = LoadSome(shift + channel, count);
    for (long row = 0; row < rows; ++row) {
      const long at = row * channels + channel;
      StoreSome(y + at, LoadSome(x + at, count) * factor + offset, count);
    }
  }
}

static const VectorOps kVectorOps{Finish, DepthwiseRow, Affine};
