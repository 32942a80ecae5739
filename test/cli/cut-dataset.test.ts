import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cutDataset } from '../../src/cli/cut-dataset.js';

const SIDE = 500;
const photograph = (name: string) => ({ name, file: `${name}.png` });

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cut-'));
  for (const name of ['ramp', 'other']) {
    // Red tells the column of the grid that a pixel is in, green the row; blue alternates, so that no patch is blank.
    const pixels = Buffer.alloc(SIDE * SIDE * 3);
    for (let i = 0; i < SIDE * SIDE; i += 1) {
      const column = Math.floor((i % SIDE) / 100);
      const row = Math.floor(i / SIDE / 100);
      pixels.set([60 * column, 60 * row, i % 2 === 0 ? 0 : 255], 3 * i);
    }
    await sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 3 } })
      .png()
      .toFile(join(folder, `${name}.png`));
  }
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function cut(output: string, seed: number): Promise<void> {
  await cutDataset({
    photographFolder: folder,
    outputFolder: join(folder, output),
    classes: [photograph('ramp')],
    strangers: [photograph('other')],
    trainPatches: 40,
    testPatches: 10,
    seed,
  });
}

/** The grid cells, as "column,row", that the patches of a folder show. */
async function cells(part: string): Promise<Set<string>> {
  const seen = new Set<string>();
  for (const file of await readdir(join(folder, part))) {
    const { data, info } = await sharp(join(folder, part, file))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([112, 112]);
    for (let i = 0; i < data.length; i += 3)
      seen.add(`${Math.round((data[i] ?? 0) / 60)},${Math.round((data[i + 1] ?? 0) / 60)}`);
  }
  return seen;
}

describe('cutDataset', () => {
  it('shows in test patches only what no training patch shows', async () => {
    await cut('out', 1);
    const train = await cells('out/train/ramp');
    const test = await cells('out/test/ramp');
    expect(train.size).toBe(20);
    expect(test.size).toBe(5);
    expect([...test].filter((cell) => train.has(cell))).toEqual([]);
  });

  it('gives strangers test patches only', async () => {
    await cut('out', 1);
    expect(await readdir(join(folder, 'out/train'))).toEqual(['ramp']);
    expect(await readdir(join(folder, 'out/test/other'))).toHaveLength(10);
  });

  it('cuts the same patches from the same seed, and others from another', async () => {
    await cut('a', 1);
    await cut('b', 1);
    await cut('c', 2);
    const patch = (output: string) => readFile(join(folder, output, 'train/ramp/003.png'));
    expect((await patch('a')).equals(await patch('b'))).toBe(true);
    expect((await patch('a')).equals(await patch('c'))).toBe(false);
  });
});
