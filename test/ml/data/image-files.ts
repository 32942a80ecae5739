import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { onTestFinished } from 'vitest';
import type { ImageSource } from '../../../src/ml/data/image-entry.js';

/** A folder that the running test has to itself; it goes when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'arcqueue data-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** Writes files into a new folder, by their names within it. */
export async function folderOf(files: Readonly<Record<string, Uint8Array | string>>): Promise<string> {
  const dir = await temporaryFolder();
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), bytes);
  }
  return dir;
}

export type Rgb = readonly [number, number, number];

/** Pixels row by row, as PNG. */
export function pngOf(width: number, pixels: readonly Rgb[]): Promise<Buffer> {
  const height = pixels.length / width;
  return sharp(Buffer.from(pixels.flat()), { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

/** A square of one colour, as PNG. */
export function plainPng(colour: Rgb, size = 8): Promise<Buffer> {
  return pngOf(size, new Array<Rgb>(size * size).fill(colour));
}

/** Image files as a decoding pool takes them. */
export function sourcesOf(...paths: readonly string[]): ImageSource[] {
  return paths.map((path) => ({ path }));
}
