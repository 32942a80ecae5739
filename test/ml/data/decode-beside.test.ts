import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type AugmentationSettings,
  DEFAULT_AUGMENTATION,
} from '../../../src/ml/data/augmentation/augmentation-settings.js';
import { DecodePool } from '../../../src/ml/data/decode-pool.js';
import { folderOf, pngOf, type Rgb, sourcesOf } from './image-files.js';

async function openPool(threads: number, imageSize = 8): Promise<DecodePool> {
  const pool = await DecodePool.open({ threads, imageSize });
  onTestFinished(() => pool.close());
  return pool;
}

/** A picture of another colour in every place, so that a pixel moved anywhere shows. */
const motley = (seed: number): Promise<Buffer> =>
  pngOf(
    8,
    Array.from({ length: 64 }, (_, i): Rgb => [i * 4, seed * 37, (i * seed) % 256]),
  );

describe('what a decoding thread writes', () => {
  it('is (value − 127.5) / 127.5, exactly', async () => {
    const dir = await folderOf({ 'a.png': await pngOf(1, [[0, 127, 255]]) });
    const { pixels } = await (await openPool(1, 1)).decode(sourcesOf(join(dir, 'a.png')), null);
    expect([...pixels]).toEqual([-1, Math.fround(-0.5 / 127.5), 1]);
  });

  it('is mirrored left to right in every row, and only where asked', async () => {
    const path = join(await folderOf({ 'a.png': await motley(1) }), 'a.png');
    const { pixels } = await (await openPool(2)).decode(sourcesOf(path, path), [false, true]);
    const at = (image: number, y: number, x: number) => {
      const start = 3 * (64 * image + 8 * y + x);
      return [...pixels.subarray(start, start + 3)];
    };
    for (let y = 0; y < 8; y += 1) {
      for (let x = 0; x < 8; x += 1) expect(at(1, y, x)).toEqual(at(0, y, 7 - x));
    }
    expect(at(1, 0, 0)).not.toEqual(at(0, 0, 0));
  });

  it('lies in memory of its own until it is released, and in that memory again after', async () => {
    const dir = await folderOf({ 'a.png': await motley(1), 'b.png': await motley(2), 'c.png': 'text' });
    const pool = await openPool(1);
    const decode = (...names: string[]) =>
      pool.decode(sourcesOf(...names.map((name) => join(dir, name))), null);
    const first = await decode('a.png', 'a.png');
    const copy = Float32Array.from(first.pixels);
    const second = await decode('b.png');
    expect(first.pixels).toEqual(copy);
    expect(second.pixels).not.toEqual(copy.subarray(0, 192));
    expect(second.pixels.buffer).not.toBe(first.pixels.buffer);
    first.release();
    const third = await decode('b.png');
    expect(third.pixels.buffer).toBe(first.pixels.buffer);
    expect(third.pixels).toEqual(second.pixels);
    // A failed image leaves nothing of the batch before.
    third.release();
    expect((await decode('c.png')).pixels).toEqual(new Float32Array(192));
  });

  it("is augmented from each image's own seed, whatever the threads, the batch and the place in it", async () => {
    const files: Record<string, Uint8Array> = {};
    for (let i = 0; i < 6; i += 1) files[`${i}.png`] = await motley(i + 1);
    const dir = await folderOf(files);
    const sources = sourcesOf(...Object.keys(files).map((name) => join(dir, name)));
    const settings: AugmentationSettings = {
      ...DEFAULT_AUGMENTATION,
      crop: { ...DEFAULT_AUGMENTATION.crop, probability: 1 },
      erasing: { ...DEFAULT_AUGMENTATION.erasing, probability: 0.5 },
    };
    const seeds = [11, 12, 13, 14, 15, 16];
    const one = await (await openPool(1)).decode(sources, null, { settings, seeds });
    const three = await (await openPool(3)).decode(sources.toReversed(), null, {
      settings,
      seeds: seeds.toReversed(),
    });
    for (let i = 0; i < 6; i += 1) {
      const expected = three.pixels.subarray((5 - i) * 192, (6 - i) * 192);
      expect(one.pixels.subarray(i * 192, (i + 1) * 192)).toEqual(expected);
    }
    expect((await (await openPool(1)).decode(sources, null)).pixels).not.toEqual(one.pixels);
  });
});

describe('while the calling thread is blocked', () => {
  it('the next image is opened once the one before it is decoded, over two batches', async () => {
    const dir = await folderOf({ 'a.png': await motley(1) });
    const image = join(dir, 'a.png');
    const pipes = ['first', 'second', 'third'].map((name) => join(dir, `${name}.png`));
    execFileSync('mkfifo', pipes);
    const pool = await openPool(1);
    const batches = [
      pool.decode(sourcesOf(...pipes.slice(0, 2)), null),
      pool.decode(sourcesOf(...pipes.slice(2)), null),
    ];
    // Each call blocks this thread until the decoder has read that pipe to its end. It takes one image after the
    // other, so a pipe is opened only when the image before it is done: without this thread's help.
    for (const pipe of pipes) execFileSync('sh', ['-c', 'cat "$0" > "$1"', image, pipe], { timeout: 20_000 });
    const [two, one] = await Promise.all(batches);
    expect([two?.failed, one?.failed]).toEqual([[], []]);
    const alone = (await pool.decode(sourcesOf(image), null)).pixels;
    expect(one?.pixels).toEqual(alone);
    expect(two?.pixels).toEqual(Float32Array.of(...alone, ...alone));
  });

  it('a batch asked for ahead waits for the one before it', async () => {
    const dir = await folderOf({ 'a.png': await motley(1) });
    const image = join(dir, 'a.png');
    const pipes = [join(dir, 'first.png'), join(dir, 'second.png')];
    execFileSync('mkfifo', pipes);
    const pool = await openPool(1);
    const batches = pipes.map((pipe) => pool.decode(sourcesOf(pipe), null));
    const [first = '', second = ''] = pipes;
    const isOpened = (pipe: string) => {
      try {
        closeSync(openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK));
        return true;
      } catch {
        return false;
      }
    };
    // The first is known to be waited for: its writer, which holds it, got a reader.
    const writer = await open(first, 'w');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(isOpened(second)).toBe(false);
    await writer.writeFile(await readFile(image));
    await writer.close();
    execFileSync('sh', ['-c', 'cat "$0" > "$1"', image, second], { timeout: 20_000 });
    for (const { failed } of await Promise.all(batches)) expect(failed).toEqual([]);
  });
});
