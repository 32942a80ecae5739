import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  alignFace,
  fitSimilarity,
  type RgbImage,
  TEMPLATE_112,
  warpSimilarity,
} from '../../../src/ml/data/align.js';
import { decodeImage } from '../../../src/ml/data/decode-image.js';
import { DecodePool } from '../../../src/ml/data/decode-pool.js';
import { folderOf } from './image-files.js';

type Case = {
  name: string;
  landmarks: number[];
  size: number;
  width: number;
  height: number;
  similarity: { a: number; b: number; dx: number; dy: number };
  rows: number[];
  values: number[][];
};
// Made by scripts/fixtures/alignment.py with scikit-image.
const CASES = JSON.parse(readFileSync(new URL('alignment.json', import.meta.url), 'utf8')) as Case[];

/** Smooth colours that differ in every pixel and channel; the script draws the same. */
function picture(width: number, height: number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1)
      data.set([(7 * x + 3 * y) % 256, (5 * y) % 256, (11 * x + 13 * y) % 256], 3 * (y * width + x));
  return { data, width, height };
}

describe.each(CASES)('landmarks $name', ({ landmarks, size, width, height, similarity, rows, values }) => {
  it("fit the template as scikit-image's SimilarityTransform does", () => {
    const template = TEMPLATE_112.map((value) => (value * size) / 112);
    const fitted = fitSimilarity(landmarks, template);
    for (const key of ['a', 'b', 'dx', 'dy'] as const)
      expect(Math.abs(fitted[key] - similarity[key]), key).toBeLessThan(1e-9);
  });

  it('give the pixels that scikit-image interpolates, rounded', () => {
    const aligned = alignFace(picture(width, height), landmarks, size);
    expect(aligned.length).toBe(size * size * 3);
    for (const [i, row] of rows.entries())
      for (const [j, value] of (values[i] ?? []).entries()) {
        const found = aligned[row * size * 3 + j] ?? Number.NaN;
        expect(Math.abs(found - value), `row ${row}, value ${j}`).toBeLessThanOrEqual(0.501);
      }
  });
});

describe('fitSimilarity', () => {
  it('leaves points that fit already, and finds a known turn, scale and move', () => {
    expect(fitSimilarity(TEMPLATE_112, TEMPLATE_112)).toEqual({
      a: 1,
      b: 0,
      dx: expect.closeTo(0, 9),
      dy: expect.closeTo(0, 9),
    });
    // By 90 degrees, twice as large, moved by (10, −3): (x, y) → (−2y + 10, 2x − 3).
    const fitted = fitSimilarity([0, 0, 1, 0, 0, 1], [10, -3, 10, -1, 8, -3]);
    expect(fitted.a).toBeCloseTo(0, 12);
    expect([fitted.b, fitted.dx, fitted.dy].map((value) => Math.round(value * 1e9) / 1e9)).toEqual([
      2, 10, -3,
    ]);
  });

  it('does not mirror: a mirrored face gets the closest turned one', () => {
    const mirrored = TEMPLATE_112.map((value, i) => (i % 2 === 0 ? 112 - value : value));
    const { a, b } = fitSimilarity(mirrored, TEMPLATE_112);
    // A similarity without reflection has determinant a² + b² > 0, whatever the points.
    expect(Math.hypot(a, b)).toBeGreaterThan(0.1);
    expect(Math.hypot(a, b)).toBeLessThan(1);
  });

  it('refuses points that all coincide', () => {
    expect(() => fitSimilarity(new Array(10).fill(5), TEMPLATE_112)).toThrow('points that fit no face');
  });
});

it('warpSimilarity refuses a square that shows nothing of the image', () => {
  const away = { a: 1, b: 0, dx: 500, dy: 0 };
  expect(() => warpSimilarity(picture(4, 4), away, 8)).toThrow('within the image of 4 × 4; found none');
});

describe('a region', () => {
  const pngOfPicture = ({ data, width, height }: RgbImage) =>
    sharp(data, { raw: { width, height, channels: 3 } })
      .png()
      .toBuffer();

  it('of landmarks is cut from the decoded original, grey and turned images too', async () => {
    const image = picture(60, 48);
    const [{ landmarks = [] } = {}] = CASES;
    const region = { kind: 'landmarks' as const, points: landmarks };
    const aligned = alignFace(image, landmarks, 14);
    expect(Buffer.from(await decodeImage(await pngOfPicture(image), 14, region))).toEqual(
      Buffer.from(aligned),
    );
    // Orientation 6: the file is shown turned by 90 degrees clockwise.
    const lying = await sharp(image.data, { raw: { width: 60, height: 48, channels: 3 } })
      .rotate(-90)
      .withMetadata({ orientation: 6 })
      .png()
      .toBuffer();
    expect(Buffer.from(await decodeImage(lying, 14, region))).toEqual(Buffer.from(aligned));
    const grey = Buffer.from(`P5 60 48 255\n${'\x40'.repeat(60 * 48)}`, 'latin1');
    expect([...new Set(await decodeImage(grey, 14, region))].at(-1)).toBe(0x40);
  });

  it('of a box is taken with a tenth of margin on each side, black beyond the image', async () => {
    // A white square of 10 at (20, 10) on grey: with the margin 12 pixels, so 24 at twice the size.
    const data = new Uint8Array(60 * 40 * 3).fill(100);
    for (let y = 10; y < 20; y += 1) data.fill(255, 3 * (y * 60 + 20), 3 * (y * 60 + 30));
    const png = await pngOfPicture({ data, width: 60, height: 40 });
    const box = { kind: 'box' as const, x: 20, y: 10, width: 10, height: 10 };
    const same = await decodeImage(png, 12, box);
    const at = (pixels: Uint8Array, size: number, x: number, y: number) => pixels[3 * (y * size + x)];
    expect([at(same, 12, 0, 5), at(same, 12, 1, 5), at(same, 12, 10, 5), at(same, 12, 11, 5)]).toEqual([
      100, 255, 255, 100,
    ]);
    // A tall box keeps its shape: the square is as wide as it is high.
    const tall = await decodeImage(png, 24, { ...box, height: 20 });
    expect([at(tall, 24, 2, 4), at(tall, 24, 12, 4), at(tall, 24, 12, 16)]).toEqual([100, 255, 100]);
    const corner = await decodeImage(png, 12, { ...box, x: -5, y: -5 });
    expect([at(corner, 12, 5, 5), at(corner, 12, 6, 6)]).toEqual([0, 100]);
  });

  it('outside the image makes the image unreadable, by its reason, in a decoding thread', async () => {
    const dir = await folderOf({ 'a.png': await pngOfPicture(picture(60, 48)) });
    const pool = await DecodePool.open({ threads: 1, imageSize: 14 });
    onTestFinished(() => pool.close());
    const [{ landmarks = [] } = {}] = CASES;
    const path = join(dir, 'a.png');
    const inside = { path, region: { kind: 'landmarks' as const, points: landmarks } };
    const outside = { path, region: { kind: 'box' as const, x: 60, y: 90, width: 9, height: 9 } };
    const inspected = await pool.inspect([inside, outside]);
    expect(inspected.map(({ error }) => error)).toEqual([
      null,
      'expected a box within the image of 60 × 48; found 9 × 9 at (60, 90)',
    ]);
    const [aligned, whole] = [await pool.decode([inside], null), await pool.decode([{ path }], null)];
    expect(aligned.failed).toEqual([]);
    expect(aligned.pixels).not.toEqual(whole.pixels);
    const expected = alignFace(picture(60, 48), landmarks, 14);
    expect(aligned.pixels).toEqual(Float32Array.from(expected, (value) => (value - 127.5) / 127.5));
  });
});
