import { basename } from 'node:path';
import type { ImageEntry } from '../../data/image-entry.js';
import { MlError } from '../../ml-error.js';
import { PairBuilder, type PairSet } from './pairs.js';
import { type PickleValue, readPickle } from './pickle-reader.js';

/**
 * The pairs of an InsightFace `.bin` (lfw.bin, cfp_fp.bin, agedb_30.bin): a pickle of 2n encoded images, of which 2i and
 * 2i + 1 are pair i, and n booleans that say which pairs are genuine.
 * @throws MlError `pickle_refused`, `pickle_damaged` or `pairs_unreadable`
 */
export function readBinPairs(path: string): PairSet {
  const value = readPickle(path);
  const [buffers, flags] = itemsOf(value, 'the pickle');
  if (buffers === undefined || flags === undefined) throw unreadable('two lists', 'fewer');
  const images = itemsOf(buffers, 'its first value').map((buffer, index) => toImage(buffer, index, path));
  const genuine = itemsOf(flags, 'its second value').map(toFlag);
  if (images.length !== 2 * genuine.length) {
    throw unreadable(`two images for each of ${genuine.length} booleans`, `${images.length} images`);
  }
  const pairs = new PairBuilder();
  for (const [i, isGenuine] of genuine.entries()) {
    pairs.add(images[2 * i] as ImageEntry, images[2 * i + 1] as ImageEntry, isGenuine);
  }
  return pairs.build();
}

function itemsOf(value: PickleValue, what: string): readonly PickleValue[] {
  if (value.kind === 'list' || value.kind === 'tuple') return value.items;
  throw unreadable(`${what} to be a list or tuple`, `a ${value.kind}`);
}

function toImage(value: PickleValue, index: number, path: string): ImageEntry {
  if (value.kind !== 'buffer') throw unreadable('the bytes of an image', `a ${value.kind} at ${index}`);
  return { path, range: value.range, relativePath: `${basename(path)}#${index}`, label: 0 };
}

function toFlag(value: PickleValue, index: number): boolean {
  if (value.kind === 'number' && (value.value === 0 || value.value === 1)) return value.value === 1;
  throw unreadable('a boolean', `a ${value.kind} at ${index} of the second list`);
}

function unreadable(expected: string, found: string): MlError {
  return new MlError('pairs_unreadable', 'data', `Expected ${expected}; found ${found}.`);
}
