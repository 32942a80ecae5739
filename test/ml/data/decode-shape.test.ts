import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../../src/ml/data/decode-image.js';
import { plainPng, pngOf, type Rgb } from './image-files.js';

const RED: Rgb = [255, 0, 0];
const GREEN: Rgb = [0, 255, 0];
const BLUE: Rgb = [0, 0, 255];
const WHITE: Rgb = [255, 255, 255];
const BLACK: Rgb = [0, 0, 0];

const pixelsOf = (data: Uint8Array): number[][] =>
  Array.from({ length: data.length / 3 }, (_, i) => [...data.subarray(3 * i, 3 * i + 3)]);

describe('decodeImage on shape and orientation', () => {
  it.each([
    [1, [RED, GREEN, BLUE, WHITE]],
    [2, [GREEN, RED, WHITE, BLUE]],
    [3, [WHITE, BLUE, GREEN, RED]],
    [6, [BLUE, RED, WHITE, GREEN]],
    [8, [GREEN, WHITE, RED, BLUE]],
  ] as const)('turns the picture as EXIF orientation %d says', async (orientation, expected) => {
    // Four blocks of 16 pixels, the size of a JPEG's own, so that each keeps its colour.
    const blocks = Array.from({ length: 32 * 32 }, (_, i): Rgb => {
      const [right, lower] = [i % 32 >= 16, i >= 512];
      return lower ? (right ? WHITE : BLUE) : right ? GREEN : RED;
    });
    const jpeg = await sharp(await pngOf(32, blocks))
      .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
      .withMetadata({ orientation })
      .toBuffer();
    const pixels = pixelsOf(await decodeImage(jpeg, 32));
    const corners = [8 * 32 + 8, 8 * 32 + 24, 24 * 32 + 8, 24 * 32 + 24].map((at) => pixels[at] ?? []);
    expect(corners.map((pixel) => pixel.map((value) => Math.round(value / 255) * 255))).toEqual(expected);
  });

  it('fits a wide image between bars of black, whole and undistorted', async () => {
    const pixels = pixelsOf(
      await decodeImage(await pngOf(4, [RED, RED, BLUE, BLUE, RED, RED, BLUE, BLUE]), 4),
    );
    const rows = [0, 1, 2, 3].map((y) => pixels.slice(4 * y, 4 * y + 4));
    expect(rows).toEqual([
      [BLACK, BLACK, BLACK, BLACK],
      [RED, RED, BLUE, BLUE],
      [RED, RED, BLUE, BLUE],
      [BLACK, BLACK, BLACK, BLACK],
    ]);
  });

  it('fits a tall image, and a tall one turned wide by EXIF', async () => {
    const tall = await pngOf(2, new Array<Rgb>(8).fill(WHITE));
    const columns = (data: Uint8Array) => pixelsOf(data).slice(4, 8);
    expect(columns(await decodeImage(tall, 4))).toEqual([BLACK, WHITE, WHITE, BLACK]);
    const turned = await sharp(await plainPng(WHITE, 16))
      .resize(8, 16, { fit: 'fill' })
      .jpeg()
      .withMetadata({ orientation: 6 })
      .toBuffer();
    expect(pixelsOf(await decodeImage(turned, 4)).slice(0, 4)).toEqual([BLACK, BLACK, BLACK, BLACK]);
  });

  it('takes a single pixel, and a line of one by a thousand', async () => {
    const dot = pixelsOf(await decodeImage(await pngOf(1, [GREEN]), 8));
    expect(dot).toEqual(new Array<Rgb>(64).fill(GREEN));
    const line = pixelsOf(await decodeImage(await pngOf(1000, new Array<Rgb>(1000).fill(WHITE)), 8));
    expect(line.filter(([value]) => value === 255)).toHaveLength(8);
  });

  it('scales a whole image down rather than cut it', async () => {
    const quarters = Array.from({ length: 64 * 64 }, (_, i): Rgb => (i % 64 < 32 ? RED : BLUE));
    const pixels = pixelsOf(await decodeImage(await pngOf(64, quarters), 8));
    expect([pixels[0], pixels[7], pixels[56], pixels[63]]).toEqual([RED, BLUE, RED, BLUE]);
  });
});
