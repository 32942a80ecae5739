import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { createRandom } from '../../src/ml/data/random.js';

const SIZE = 112;
/** A colour a class, far apart: a network tells them apart within a few steps. */
const COLOURS = { red: [200, 40, 40], green: [40, 200, 40], blue: [40, 40, 200] } as const;
export const CLASSES = ['blue', 'green', 'red'] as const;

export type Colour = keyof typeof COLOURS | 'grey';

/** Writes folders of noisy one-coloured PNGs under `dir`, each image another; `grey` is a class of no training. */
export async function writeColours(
  dir: string,
  { classes = CLASSES, images = 8 }: { classes?: readonly Colour[]; images?: number } = {},
): Promise<void> {
  for (const [index, name] of classes.entries()) {
    await mkdir(join(dir, name), { recursive: true });
    const colour = name === 'grey' ? [120, 120, 120] : COLOURS[name];
    for (let image = 0; image < images; image += 1) {
      const noise = createRandom(1000 * (index + 1) + image);
      const pixels = Uint8Array.from({ length: SIZE * SIZE * 3 }, (_, at) =>
        Math.round((colour[at % 3] ?? 0) + 50 * (noise.next() - 0.5)),
      );
      const raw = { width: SIZE, height: SIZE, channels: 3 } as const;
      await sharp(pixels, { raw })
        .png()
        .toFile(join(dir, name, `${image}.png`));
    }
  }
}

/** A file that is an image by its name only. */
export async function writeBrokenImage(dir: string, colour: Colour, name: string): Promise<void> {
  await mkdir(join(dir, colour), { recursive: true });
  await writeFile(join(dir, colour, name), 'no image');
}

/** A training that takes seconds. */
export const QUICK = { epochs: 2, batchSize: 8, embeddingSize: 16, learningRate: 0.02 } as const;
