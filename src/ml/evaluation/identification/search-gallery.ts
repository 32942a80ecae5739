import type { Tensor2D } from '@tensorflow/tfjs-node-gpu';
import { loadTensorFlow } from '../../engine/load-tensorflow.js';
import { type EmbeddingTable, normaliseRows } from '../embed-images.js';
import { maxPerIdentity, type ProbeResult, rankProbe } from './rank-probe.js';

/** `max`: an identity's score is that of its best image; `mean`: of the normalised mean of its unit embeddings. */
export type TemplateRule = 'mean' | 'max';

/** Scores that are held at once. */
const SCORES_A_BLOCK = 4_000_000;
const MOST_PROBES = 256;

export type Gallery = {
  readonly table: EmbeddingTable;
  /** Identity of each image, [images], each in [0, identityCount). */
  readonly identityOfImage: Uint32Array;
  readonly identityCount: number;
};

export type SearchOptions = {
  readonly rule: TemplateRule;
  readonly between: () => Promise<void>;
  readonly onBlock?: (probes: number) => void;
};

/**
 * Compares every probe with the whole gallery, a block of probes at a time; only what each search says is kept.
 * @param identities of the probes; null for one whose identity the gallery lacks
 * @throws what `between` throws
 */
export async function searchGallery(
  gallery: Gallery,
  probes: { readonly table: EmbeddingTable; readonly identities: readonly (number | null)[] },
  { rule, between, onBlock }: SearchOptions,
): Promise<ProbeResult[]> {
  const { tf } = loadTensorFlow();
  const { table, identityOfImage, identityCount } = gallery;
  const { size } = table;
  const images = tf.tensor2d(table.values, [table.count, size]);
  const templates = rule === 'mean' ? tf.tensor2d(meanTemplates(gallery), [identityCount, size]) : null;
  const block = probesPerBlock(table.count);
  const results: ProbeResult[] = [];
  try {
    for (let start = 0; start < probes.table.count; start += block) {
      const count = Math.min(block, probes.table.count - start);
      const values = probes.table.values.subarray(start * size, (start + count) * size);
      const query = tf.tensor2d(values, [count, size]);
      try {
        const imageScores = await scoresOf(query, images);
        const templateScores = templates === null ? null : await scoresOf(query, templates);
        for (let row = 0; row < count; row += 1) {
          const own = imageScores.subarray(row * table.count, (row + 1) * table.count);
          const identities =
            templateScores?.subarray(row * identityCount, (row + 1) * identityCount) ??
            maxPerIdentity(own, identityOfImage, identityCount);
          results.push(
            rankProbe({ images: own, identityOfImage, identities }, probes.identities[start + row] ?? null),
          );
          await between();
        }
      } finally {
        query.dispose();
      }
      onBlock?.(count);
    }
  } finally {
    images.dispose();
    templates?.dispose();
  }
  return results;
}

/** The number of probes that are compared at a time with a gallery of so many images. */
export function probesPerBlock(galleryImages: number): number {
  return Math.max(1, Math.min(MOST_PROBES, Math.floor(SCORES_A_BLOCK / galleryImages)));
}

/** The mean of each identity's unit embeddings, its length set to 1: [identities, size] row by row. */
export function meanTemplates({ table, identityOfImage, identityCount }: Gallery): Float32Array {
  const { values, size } = table;
  const templates = new Float32Array(identityCount * size);
  for (const [image, identity] of identityOfImage.entries()) {
    for (let i = 0; i < size; i += 1) {
      const at = identity * size + i;
      templates[at] = (templates[at] as number) + (values[image * size + i] as number);
    }
  }
  normaliseRows(templates, size);
  return templates;
}

/** Dot products of each query with each row: [queries, rows] row by row. */
async function scoresOf(query: Tensor2D, rows: Tensor2D): Promise<Float32Array> {
  const { tf } = loadTensorFlow();
  const product = tf.matMul(query, rows, false, true);
  try {
    return (await product.data()) as Float32Array;
  } finally {
    product.dispose();
  }
}
