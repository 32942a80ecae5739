import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it, onTestFinished } from 'vitest';
import { DecodePool } from '../../../src/ml/data/decode-pool.js';
import { folderOf, plainPng, pngOf, type Rgb, sourcesOf } from './image-files.js';

async function openPool(threads: number, imageSize: number): Promise<DecodePool> {
  const pool = await DecodePool.open({ threads, imageSize });
  onTestFinished(() => pool.close());
  return pool;
}
const lost = { code: 'decoder_lost', fault: 'infrastructure', retryable: true };

describe('DecodePool', () => {
  it('normalises to [−1, 1] and mirrors where asked', async () => {
    const row: Rgb[] = [
      [255, 0, 51],
      [0, 0, 0],
    ];
    const dir = await folderOf({ 'a.png': await pngOf(2, [...row, ...row]) });
    const pool = await openPool(1, 2);
    const paths = [join(dir, 'a.png'), join(dir, 'a.png')];
    const { pixels, failed } = await pool.decode(sourcesOf(...paths), [false, true]);
    expect(failed).toEqual([]);
    const plain = [1, -1, -0.6, -1, -1, -1];
    const mirrored = [-1, -1, -1, 1, -1, -0.6];
    const expected = [...plain, ...plain, ...mirrored, ...mirrored];
    expect(pixels).toHaveLength(expected.length);
    for (const [i, value] of expected.entries()) expect(pixels[i]).toBeCloseTo(value, 6);
    expect((await pool.decode(sourcesOf(...paths.slice(1)), null)).pixels).toEqual(pixels.slice(0, 12));
  });

  it('gives the same batch from 1 thread and from 3, failures at their places', async () => {
    const files: Record<string, Uint8Array | string> = {};
    for (let i = 0; i < 10; i += 1)
      files[`${i}.jpg`] = await sharp(await plainPng([i * 20, 255 - i * 9, i]))
        .jpeg()
        .toBuffer();
    files['4.jpg'] = 'text';
    files['8.jpg'] = '';
    const dir = await folderOf(files);
    const paths = [...Array.from({ length: 10 }, (_, i) => join(dir, `${i}.jpg`)), join(dir, 'missing.jpg')];
    const flips = paths.map((_, i) => i % 2 === 0);
    const one = await (await openPool(1, 16)).decode(sourcesOf(...paths), flips);
    const three = await (await openPool(3, 16)).decode(sourcesOf(...paths), flips);
    expect(three.pixels).toEqual(one.pixels);
    expect(three.failed).toEqual(one.failed);
    expect(one.failed.map(({ index }) => index)).toEqual([4, 8, 10]);
    for (const { reason } of one.failed) expect(reason).not.toContain(dir);
    const perImage = 16 * 16 * 3;
    expect(one.pixels.subarray(4 * perImage, 5 * perImage).every((value) => value === 0)).toBe(true);
    expect(one.pixels[9 * perImage]).toBeGreaterThan(0.3);
  });

  it('decodes an empty batch', async () => {
    const { pixels, failed } = await (await openPool(2, 8)).decode([], []);
    expect([pixels.length, failed]).toEqual([0, []]);
  });

  it('inspects in order, with the hash of the bytes, and goes on after unreadable files', async () => {
    const files: Record<string, Uint8Array | string> = {};
    for (let i = 0; i < 40; i += 1) files[`${i}.png`] = await plainPng([i, 0, 0]);
    files['7.png'] = 'text';
    const dir = await folderOf(files);
    const images = [...Object.keys(files), 'missing.png'].map((name) => ({ path: join(dir, name) }));
    const done: number[] = [];
    const inspected = await (await openPool(2, 8)).inspect(images, (count) => done.push(count));
    expect(inspected).toHaveLength(41);
    expect(done).toEqual([32, 41]);
    for (const [i, { path }] of images.slice(0, 40).entries()) {
      const isReadable = !path.endsWith('/7.png');
      const sha256 = createHash('sha256')
        .update(await readFile(path))
        .digest('hex');
      const facts = { width: 8, height: 8, isGrey: i <= 2 };
      expect(inspected[i]?.sha256).toBe(sha256);
      expect(inspected[i]?.facts).toEqual(isReadable ? facts : null);
      expect(inspected[i]?.error === null).toBe(isReadable);
    }
    expect(inspected[40]).toMatchObject({ sha256: '', facts: null });
    expect(inspected[40]?.error).toMatch(/ENOENT/);
    expect(inspected[40]?.error).not.toContain(dir);
  });

  it('rejects the work of a thread that dies, and what is asked of it later', async () => {
    const dir = await folderOf({ 'a.png': await plainPng([1, 2, 3]) });
    const pool = await openPool(1, 8);
    // A pattern in place of a path makes the thread throw where nothing catches it.
    const deadly = pool.decode(sourcesOf(/not global/ as unknown as string), null);
    const behind = pool.decode(sourcesOf(join(dir, 'a.png')), null);
    await expect(deadly).rejects.toMatchObject(lost);
    await expect(behind).rejects.toMatchObject(lost);
    await expect(pool.inspect([{ path: join(dir, 'a.png') }])).rejects.toMatchObject(lost);
  });

  it('rejects what waits when it is closed, and closes twice', async () => {
    const dir = await folderOf({ 'a.png': await plainPng([1, 2, 3]) });
    const pool = await openPool(2, 8);
    const waiting = pool.decode(sourcesOf(...new Array<string>(50).fill(join(dir, 'a.png'))), null);
    const rejected = expect(waiting).rejects.toMatchObject(lost);
    await pool.close();
    await rejected;
    await pool.close();
    await expect(pool.decode(sourcesOf(join(dir, 'a.png')), null)).rejects.toMatchObject(lost);
  });

  it.each([0, -1, 1.5])('refuses %d threads', async (threads) => {
    await expect(DecodePool.open({ threads, imageSize: 8 })).rejects.toThrow('at least 1 decoding thread');
  });
});
