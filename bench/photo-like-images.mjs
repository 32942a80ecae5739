// Images for the benchmarks: smooth gradients, a few shapes and noise, so that a JPEG of one is as large as that of a photograph.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { createRandom } from '../dist/ml/data/random.js';

/** Writes `classes` folders of `count` JPEGs each into `folder`. */
export async function writePhotoLikeImages(folder, { classes, count, size = 112 }) {
  const random = createRandom(1);
  for (let label = 0; label < classes; label += 1) {
    const dir = join(folder, `class-${String(label).padStart(3, '0')}`);
    await mkdir(dir, { recursive: true });
    for (let i = 0; i < count; i += 1) {
      const raw = { width: size, height: size, channels: 3 };
      const jpeg = await sharp(drawPixels(size, random), { raw }).jpeg({ quality: 92 }).toBuffer();
      await writeFile(join(dir, `${i}.jpg`), jpeg);
    }
  }
}

function drawPixels(size, random) {
  const pixels = Buffer.alloc(3 * size * size);
  const waves = Array.from({ length: 3 }, () => [
    random.next() * 0.2,
    random.next() * 0.2,
    random.next() * 6,
    40 + 60 * random.next(),
  ]);
  const [centreX, centreY, radius] = [
    random.next() * size,
    random.next() * size,
    (0.1 + 0.3 * random.next()) * size,
  ];
  for (let at = 0; at < pixels.length; at += 1) {
    const [x, y] = [Math.floor(at / 3) % size, Math.floor(at / 3 / size)];
    const [across, down, phase, height] = waves[at % 3];
    const inside = Math.hypot(x - centreX, y - centreY) < radius ? 40 : 0;
    const value =
      110 + height * Math.sin(across * x + down * y + phase) + inside + 16 * (random.next() - 0.5);
    pixels[at] = Math.max(0, Math.min(255, value));
  }
  return pixels;
}
