#ifndef ARCQUEUE_WINOGRAD_TILES_H_
#define ARCQUEUE_WINOGRAD_TILES_H_

// How a batch of images falls into the tiles of winograd.h.

#include <cstdint>

#include "operation.h"
#include "winograd.h"

namespace arcqueue {

// Without it the 36 frequencies of one tile would lie at multiples of 4 KiB, in one set of the first cache.
constexpr int64_t kFrequencyPadding = 16;

// How the tiles of a batch of images are numbered.
struct TileGrid {
  TileGrid(int64_t images, int64_t height, int64_t width)
      : columns((width + kTileOut - 1) / kTileOut),
        per_image((height + kTileOut - 1) / kTileOut * columns),
        count(images * per_image) {}

  int64_t Image(int64_t tile) const { return tile / per_image; }
  int64_t FirstRow(int64_t tile) const { return tile % per_image / columns * kTileOut; }
  int64_t FirstColumn(int64_t tile) const { return tile % columns * kTileOut; }

  int64_t columns;
  int64_t per_image;
  int64_t count;
};

// [n, h, w, channels]
struct Images {
  explicit Images(const Tensor& tensor)
      : count(tensor.dim_size(0)), plane{tensor.dim_size(1), tensor.dim_size(2), tensor.dim_size(3)} {}
  int64_t Size() const { return plane.height * plane.width * plane.channels; }

  int64_t count;
  Plane plane;
};

}  // namespace arcqueue

#endif  // ARCQUEUE_WINOGRAD_TILES_H_
