import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { createRandom, deriveSeed, type Random } from '../ml/data/random.js';
import type { Photograph } from './demo-photographs.js';
import { type Rectangle, randomPatch, splitRegions, strangerRegions } from './regions.js';

/** Side of a patch as written, in pixels: what the backbones take. */
const PATCH_SIZE = 112;
/** Standard deviation of grey values below which a patch shows nothing, such as the black around a retina. */
const BLANK_DEVIATION = 3;
/** Draws after which even a blank patch is taken. */
const DRAWS = 20;

type Picked = Pick<Photograph, 'name' | 'file'>;

export type CutOptions = {
  /** Holds the photographs' files. */
  readonly photographFolder: string;
  /** Receives train/<name>/ and test/<name>/; what is there is replaced. */
  readonly outputFolder: string;
  readonly classes: readonly Picked[];
  readonly strangers: readonly Picked[];
  /** Patches of each photograph. */
  readonly trainPatches: number;
  readonly testPatches: number;
  readonly seed: number;
  readonly onPhotograph?: (done: number, all: number) => void;
};

/** Cuts the photographs into training and test patches; strangers get test patches only. */
export async function cutDataset(options: CutOptions): Promise<void> {
  const { photographFolder, outputFolder, classes, strangers, trainPatches, testPatches, seed } = options;
  await rm(outputFolder, { recursive: true, force: true });
  for (const [index, { name, file }] of [...classes, ...strangers].entries()) {
    const { data, info } = await sharp(join(photographFolder, file))
      .flatten({ background: 'white' })
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    const picture = { data, width: info.width, height: info.height, channels: info.channels };
    const cut = (part: string, regions: readonly Rectangle[], count: number, purpose: number) =>
      cutPatches(picture, {
        folder: join(outputFolder, part, name),
        regions,
        count,
        random: createRandom(deriveSeed(seed, index, purpose)),
      });
    if (index < classes.length) {
      const { train, test } = splitRegions(info.width, info.height);
      await cut('train', train, trainPatches, 0);
      await cut('test', test, testPatches, 1);
    } else {
      await cut('test', strangerRegions(info.width, info.height), testPatches, 1);
    }
    options.onPhotograph?.(index + 1, classes.length + strangers.length);
  }
}

type Picture = {
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 2 | 3 | 4;
};

type PatchOptions = {
  readonly folder: string;
  readonly regions: readonly Rectangle[];
  readonly count: number;
  readonly random: Random;
};

async function cutPatches(picture: Picture, { folder, regions, count, random }: PatchOptions): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (let patch = 0; patch < count; patch += 1) {
    const region = regions[patch % regions.length] as Rectangle;
    const file = join(folder, `${String(patch).padStart(3, '0')}.png`);
    await sharp(await drawPatch(picture, region, random), { raw: { ...picture, ...SQUARE } })
      .png({ compressionLevel: 6 })
      .toFile(file);
  }
}

const SQUARE = { width: PATCH_SIZE, height: PATCH_SIZE } as const;

/** @returns [112, 112, channels] of a patch that shows something, if one turns up in 20 draws */
async function drawPatch(picture: Picture, region: Rectangle, random: Random): Promise<Buffer> {
  for (let draw = 1; ; draw += 1) {
    const { width, height, channels } = picture;
    const pixels = await sharp(picture.data, { raw: { width, height, channels } })
      .extract(randomPatch(region, random))
      .resize(PATCH_SIZE, PATCH_SIZE)
      .raw()
      .toBuffer();
    if (draw === DRAWS || deviation(pixels) >= BLANK_DEVIATION) return pixels;
  }
}

function deviation(samples: Uint8Array): number {
  let sum = 0;
  let squares = 0;
  for (const sample of samples) {
    sum += sample;
    squares += sample * sample;
  }
  const mean = sum / samples.length;
  return Math.sqrt(squares / samples.length - mean * mean);
}
