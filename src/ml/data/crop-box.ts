import sharp from 'sharp';
import type { RgbImage } from './align.js';
import type { ImageRegion } from './image-entry.js';

/** Share of a box's longer side that is added on each side of it. */
export const BOX_MARGIN = 0.1;

/** A box's square in whole pixels, and the part of it that lies within the image. */
export type SquareCut = {
  readonly side: number;
  /** Of the part, within the image. */
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** Of the part, within the square. */
  readonly offsetX: number;
  readonly offsetY: number;
};

/**
 * The square around a box: as long as its longer side with the margin, on its centre, so that nothing is distorted.
 * @throws Error when no pixel of the image lies in it
 */
export function squareAround(
  box: Extract<ImageRegion, { kind: 'box' }>,
  image: { readonly width: number; readonly height: number },
): SquareCut {
  const side = Math.max(1, Math.round(Math.max(box.width, box.height) * (1 + 2 * BOX_MARGIN)));
  const x = Math.round(box.x + box.width / 2 - side / 2);
  const y = Math.round(box.y + box.height / 2 - side / 2);
  const [left, top] = [Math.max(0, x), Math.max(0, y)];
  const width = Math.min(image.width, x + side) - left;
  const height = Math.min(image.height, y + side) - top;
  if (width <= 0 || height <= 0) {
    const found = `${box.width} × ${box.height} at (${box.x}, ${box.y})`;
    throw new Error(`expected a box within the image of ${image.width} × ${image.height}; found ${found}`);
  }
  return { side, left, top, width, height, offsetX: left - x, offsetY: top - y };
}

/** The square around a box, scaled; black where it leaves the image. @returns [size, size, 3] */
export async function cropBox(
  image: RgbImage,
  box: Extract<ImageRegion, { kind: 'box' }>,
  size: number,
): Promise<Uint8Array> {
  const cut = squareAround(box, image);
  const scale = size / cut.side;
  const edge = (value: number) => Math.min(size, Math.round(value * scale));
  const [x, y] = [Math.min(size - 1, edge(cut.offsetX)), Math.min(size - 1, edge(cut.offsetY))];
  const width = Math.max(1, edge(cut.offsetX + cut.width) - x);
  const height = Math.max(1, edge(cut.offsetY + cut.height) - y);
  const raw = { width: image.width, height: image.height, channels: 3 } as const;
  return sharp(image.data, { raw })
    .extract({ left: cut.left, top: cut.top, width: cut.width, height: cut.height })
    .resize(width, height, { fit: 'fill' })
    .extend({ left: x, top: y, right: size - x - width, bottom: size - y - height, background: 'black' })
    .raw({ depth: 'uchar' })
    .toBuffer();
}
