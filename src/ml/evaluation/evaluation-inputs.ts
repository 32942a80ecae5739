import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { dirname, extname, join, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { DecodePool } from '../data/decode-pool.js';
import type { SplitPart } from '../data/image-entry.js';
import { MlError } from '../ml-error.js';
import { type PreparedDataset, prepareDataset } from '../training/prepare-dataset.js';
import type { RunHooks } from '../training/training-hooks.js';
import type {
  EvaluationRequest,
  IdentificationSettings,
  VerificationSettings,
} from './evaluation-request.js';
import { assertSearchable, type GallerySplit, splitGallery } from './identification/split-gallery.js';
import { readBinPairs } from './verification/bin-pairs.js';
import { drawPairs } from './verification/drawn-pairs.js';
import { readCsvPairs, readLfwPairs } from './verification/listed-pairs.js';
import type { PairSet } from './verification/pairs.js';

export type VerificationInput = {
  readonly pairs: PairSet;
  /** The file of pairs within the dataset; null where they are drawn. */
  readonly file: { readonly name: string; readonly sha256: string } | null;
};

export type IdentificationInput = GallerySplit & {
  /** Names of the labels in gallery and probes. */
  readonly classNames: readonly string[];
  readonly datasetHash: string;
};

/** What an evaluation works on, all of it listed and each image decoded once, but those of a `.bin`. */
export type EvaluationInputs = {
  /** null when no protocol needs the dataset itself. */
  readonly dataset: PreparedDataset | null;
  readonly verification: VerificationInput | null;
  readonly identification: IdentificationInput | null;
  /** Of the dataset, or of what is used in its place. */
  readonly datasetHash: string;
};

/** @throws MlError for what cannot be used; the signal's reason when aborted */
export async function loadInputs(
  datasetDir: string,
  request: EvaluationRequest,
  { pool, hooks }: { readonly pool: DecodePool; readonly hooks: RunHooks },
): Promise<EvaluationInputs> {
  const { verification, identification, seed } = request;
  const root = (await stat(datasetDir)).isDirectory() ? datasetDir : dirname(datasetDir);
  const prepare = (dir: string) => prepareDataset(dir, pool, hooks);
  const dataset = needsDataset(request) ? onlyPart(await prepare(datasetDir), request.split) : null;
  const pairs = verification === undefined ? null : await loadPairs(root, dataset, { ...verification, seed });
  const searches =
    identification === undefined
      ? null
      : await loadGallery(root, dataset, { ...identification, seed, prepare });
  const datasetHash = dataset?.hash ?? pairs?.file?.sha256 ?? searches?.datasetHash;
  if (datasetHash === undefined) throw new Error('expected an evaluation to have a dataset; found none');
  return { dataset, verification: pairs, identification: searches, datasetHash };
}

function onlyPart(dataset: PreparedDataset, part: SplitPart | undefined): PreparedDataset {
  if (part === undefined) return dataset;
  const images = dataset.images.filter(({ split }) => split === part);
  if (images.length > 0) return { ...dataset, images };
  const message = `Expected images of the split "${part}" in the dataset's manifest; found none.`;
  throw new MlError('split_missing', 'user', message);
}

function needsDataset({ protocols, verification, identification }: EvaluationRequest): boolean {
  const byClass = protocols.includes('classification') || protocols.includes('calibration');
  const byPairs = verification !== undefined && endingOf(verification.pairs) !== '.bin';
  return byClass || byPairs || (identification !== undefined && identification.gallery === undefined);
}

async function loadPairs(
  root: string,
  dataset: PreparedDataset | null,
  settings: VerificationSettings & { readonly seed: number },
): Promise<VerificationInput> {
  const { pairs: name } = settings;
  if (name === undefined) return { pairs: drawPairs(dataset?.images ?? [], settings), file: null };
  const path = await resolveWithin(root, name, 'verification.pairs');
  const file = { name, sha256: await hashFile(path) };
  switch (endingOf(name)) {
    case '.bin':
      return { pairs: readBinPairs(path), file };
    case '.csv':
      return { pairs: await readCsvPairs(path, dataset?.images ?? []), file };
    default:
      return { pairs: await readLfwPairs(path, dataset ?? { images: [], classNames: [] }), file };
  }
}

async function loadGallery(
  root: string,
  dataset: PreparedDataset | null,
  settings: IdentificationSettings & {
    readonly seed: number;
    readonly prepare: (dir: string) => Promise<PreparedDataset>;
  },
): Promise<IdentificationInput> {
  const { gallery: galleryName, probes: probesName, prepare } = settings;
  if (galleryName === undefined || probesName === undefined) {
    const { images, classNames, hash } = dataset ?? { images: [], classNames: [], hash: '' };
    return { ...splitGallery(images, settings), classNames, datasetHash: hash };
  }
  const gallery = await prepare(await resolveWithin(root, galleryName, 'identification.gallery'));
  const probes = await prepare(await resolveWithin(root, probesName, 'identification.probes'));
  const classNames = [...new Set([...gallery.classNames, ...probes.classNames])].sort();
  const relabel = ({ images, classNames: own }: PreparedDataset) =>
    images.map((image) => ({ ...image, label: classNames.indexOf(own[image.label] ?? '') }));
  const split = { gallery: relabel(gallery), probes: relabel(probes) };
  assertSearchable(split);
  const datasetHash = createHash('sha256').update(`${gallery.hash}\n${probes.hash}\n`).digest('hex');
  return { ...split, classNames, datasetHash };
}

function endingOf(name: string | undefined): string {
  return name === undefined ? '' : extname(name).toLowerCase();
}

/** The real path of a file or folder within a dataset. @throws MlError `location_refused` */
async function resolveWithin(root: string, name: string, field: string): Promise<string> {
  const real = await realpath(root);
  const path = await realpath(join(real, name)).catch(() => null);
  if (path?.startsWith(real + sep)) return path;
  const found = path === null ? `"${name}", which does not exist` : `"${name}", which leads out of it`;
  throw new MlError(
    'location_refused',
    'user',
    `Expected a file or folder within the dataset (${field}); found ${found}.`,
  );
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
