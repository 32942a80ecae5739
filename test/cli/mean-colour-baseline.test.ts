import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { meanColourAccuracy, readMeanColours } from '../../src/cli/mean-colour-baseline.js';

const sample = (className: string, ...colour: number[]) => ({ className, colour });

const train = [
  sample('dusk', 200, 90, 40),
  sample('dusk', 210, 80, 50),
  sample('sea', 20, 90, 200),
  sample('sea', 30, 100, 210),
  sample('snow', 240, 240, 245),
  sample('snow', 230, 235, 240),
];

it('tells classes apart whose colours a line divides', () => {
  const test = [sample('dusk', 205, 85, 45), sample('sea', 25, 95, 205), sample('snow', 235, 238, 243)];
  expect(meanColourAccuracy(train, test)).toBe(1);
});

it('fails where the colour says another class, and leaves strangers out', () => {
  const test = [sample('dusk', 205, 85, 45), sample('sea', 205, 85, 45), sample('stranger', 25, 95, 205)];
  expect(meanColourAccuracy(train, test)).toBe(0.5);
  expect(meanColourAccuracy(train, [sample('stranger', 1, 2, 3)])).toBeNull();
});

it('reads the mean colour of every image, PGM included, and skips what is none', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'colours-'));
  try {
    await mkdir(join(folder, 'one'));
    const create = { width: 64, height: 64, channels: 3, background: { r: 250, g: 100, b: 0 } } as const;
    await sharp({ create }).png().toFile(join(folder, 'one/a.png'));
    await writeFile(join(folder, 'one/b.pgm'), Buffer.from('P5 2 2 255\n\x28\x28\x28\x28', 'latin1'));
    await writeFile(join(folder, 'one/c.png'), 'not an image');
    expect(await readMeanColours(folder)).toEqual([sample('one', 250, 100, 0), sample('one', 40, 40, 40)]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
