/** A square image: [size, size, 3], RGB, 0 … 255. */
export type Pixels = Uint8Array;

/** A rectangle of pixels within an image. */
export type Rectangle = {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
};

/** A view whose writes are rounded and held to 0 … 255. */
export function clamping(pixels: Pixels): Uint8ClampedArray {
  return new Uint8ClampedArray(pixels.buffer, pixels.byteOffset, pixels.length);
}

/** Lightness of a colour by the weights of ITU-R BT.601, as torchvision and PIL do. */
export function greyOf(red: number, green: number, blue: number): number {
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}
