import { describe, expect, it } from 'vitest';
import type { ImageEntry } from '../../../../src/ml/data/image-entry.js';
import { createRandom } from '../../../../src/ml/data/random.js';
import { loadTensorFlow } from '../../../../src/ml/engine/load-tensorflow.js';
import { normaliseRows } from '../../../../src/ml/evaluation/embed-images.js';
import { identificationFigures } from '../../../../src/ml/evaluation/identification/identification-figures.js';
import { rankProbe } from '../../../../src/ml/evaluation/identification/rank-probe.js';
import {
  meanTemplates,
  probesPerBlock,
  searchGallery,
} from '../../../../src/ml/evaluation/identification/search-gallery.js';
import { splitGallery } from '../../../../src/ml/evaluation/identification/split-gallery.js';

const between = async () => {};

function randomTable(count: number, size: number, seed: number) {
  const random = createRandom(seed);
  const values = Float32Array.from({ length: count * size }, () => random.normal());
  normaliseRows(values, size);
  return { values, size, count };
}

describe('rankProbe', () => {
  const identityOfImage = Uint32Array.of(0, 1, 1, 2);

  it('ranks identities and images as worked by hand', () => {
    const scores = { images: [0.9, 0.5, 0.8, 0.7], identityOfImage, identities: [0.9, 0.8, 0.7] };
    // Images by score: 0, 1, 2, 1 → mates of identity 1 at ranks 2 and 4.
    expect(rankProbe(scores, 1)).toEqual({
      best: 0,
      score: 0.9,
      rank: 2,
      averagePrecision: 0.5,
      rPrecision: 0.5,
    });
    expect(rankProbe(scores, null)).toMatchObject({
      best: 0,
      score: 0.9,
      rank: null,
      averagePrecision: null,
    });
  });

  it('puts an identity that ties first', () => {
    const scores = { images: [0.5, 0.5, 0.1, 0.5], identityOfImage, identities: [0.5, 0.5, 0.5] };
    expect(rankProbe(scores, 0)).toMatchObject({ rank: 3, averagePrecision: 1 / 3 });
  });
});

describe('searchGallery', () => {
  const identityOfImage = Uint32Array.from({ length: 30 }, (_, i) => i % 7);
  const gallery = { table: randomTable(30, 16, 1), identityOfImage, identityCount: 7 };
  const probes = {
    table: randomTable(300, 16, 2),
    identities: Array.from({ length: 300 }, (_, i) => (i % 9 < 7 ? i % 9 : null)),
  };

  it.each(['max', 'mean'] as const)(
    'finds by the rule %s what comparing one by one finds, and leaves no tensor',
    async (rule) => {
      const { tf } = loadTensorFlow();
      const before = tf.memory().numTensors;
      const blocks: number[] = [];
      const results = await searchGallery(gallery, probes, {
        rule,
        between,
        onBlock: (count) => blocks.push(count),
      });
      expect(tf.memory().numTensors).toBe(before);
      expect(blocks).toEqual([256, 44]);
      const templates = meanTemplates(gallery);
      const dot = (a: Float32Array, b: Float32Array) =>
        a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
      const row = (values: Float32Array, i: number) => values.subarray(16 * i, 16 * (i + 1));
      results.forEach(({ best, score }, i) => {
        const probe = row(probes.table.values, i);
        const images = Array.from(identityOfImage, (_, image) =>
          dot(probe, row(gallery.table.values, image)),
        );
        const scores = Array.from({ length: 7 }, (_, identity) =>
          rule === 'mean'
            ? dot(probe, row(templates, identity))
            : Math.max(...images.filter((_score, image) => identityOfImage[image] === identity)),
        );
        expect(score).toBeCloseTo(Math.max(...scores), 5);
        expect(best).toBe(scores.indexOf(Math.max(...scores)));
      });
      expect(results.map(({ rank }) => rank === null)).toEqual(
        probes.identities.map((identity) => identity === null),
      );
    },
  );

  it('ends when its caller throws, and leaves no tensor', async () => {
    const { tf } = loadTensorFlow();
    const before = tf.memory().numTensors;
    const stop = async () => {
      throw new Error('enough');
    };
    await expect(searchGallery(gallery, probes, { rule: 'mean', between: stop })).rejects.toThrow('enough');
    expect(tf.memory().numTensors).toBe(before);
  });

  it('holds few scores at once, however large the gallery', () => {
    expect([10, 100_000, 1e7].map(probesPerBlock)).toEqual([256, 40, 1]);
  });
});

describe('meanTemplates', () => {
  it('is the mean direction, and zeros where embeddings cancel out', () => {
    const table = { values: Float32Array.of(1, 0, 0, 1, 1, 0, -1, 0), size: 2, count: 4 };
    const templates = meanTemplates({ table, identityOfImage: Uint32Array.of(0, 0, 1, 1), identityCount: 2 });
    expect([...templates]).toEqual([Math.fround(Math.SQRT1_2), Math.fround(Math.SQRT1_2), 0, 0]);
  });
});

describe('identificationFigures', () => {
  const found = (rank: number | null, score: number) => ({
    best: 0,
    score,
    rank,
    averagePrecision: rank === null ? null : 1 / rank,
    rPrecision: rank === null ? null : Number(rank === 1),
  });

  it('counts as worked by hand', () => {
    const results = [
      found(1, 0.9),
      found(1, 0.5),
      found(3, 0.7),
      found(7, 0.4),
      found(null, 0.6),
      found(null, 0.2),
    ];
    const figures = identificationFigures(results, 8);
    expect(figures).toMatchObject({
      probes: 6,
      matedProbes: 4,
      nonMatedProbes: 2,
      rank1: 0.5,
      rank5: 0.75,
      rank10: 1,
    });
    expect(figures.cmc).toEqual([0.5, 0.5, 0.75, 0.75, 0.75, 0.75, 1, 1]);
    expect(figures.meanAveragePrecision).toBeCloseTo((1 + 1 + 1 / 3 + 1 / 7) / 4, 12);
    // None of FPIR 0.3 … 0.001 can be known from two strangers.
    expect(figures.tpirAtFpir.map(({ tpir }) => tpir)).toEqual([null, null, null, null]);
  });

  it('has no figures without mated probes', () => {
    expect(identificationFigures([found(null, 1)], 3)).toMatchObject({
      rank1: null,
      cmc: null,
      meanAveragePrecision: null,
    });
  });
});

describe('splitGallery', () => {
  const images: ImageEntry[] = [4, 4, 1, 3].flatMap((count, label) =>
    Array.from({ length: count }, (_, i) => ({ path: '', relativePath: `${label}/${i}`, label })),
  );
  const labelsOf = (entries: readonly ImageEntry[]) => new Set(entries.map(({ label }) => label));

  it('puts so many images of each identity into the gallery and all others among the probes', () => {
    const { gallery, probes } = splitGallery(images, { galleryImages: 2, unknownFraction: 0, seed: 1 });
    expect(gallery).toHaveLength(2 + 2 + 1 + 2);
    expect(probes).toHaveLength(5);
    expect(new Set([...gallery, ...probes]).size).toBe(12);
  });

  it('leaves unknown identities out of the gallery', () => {
    const { gallery, probes } = splitGallery(images, { galleryImages: 1, unknownFraction: 0.5, seed: 1 });
    expect(labelsOf(gallery).size).toBe(2);
    const unknown = [...labelsOf(probes)].filter((label) => !labelsOf(gallery).has(label));
    expect(unknown).toHaveLength(2);
    for (const label of unknown) {
      expect(probes.filter((image) => image.label === label)).toHaveLength([4, 4, 1, 3][label] as number);
    }
  });

  it('follows its seed and not the order of the images', () => {
    const split = (seed: number, of = images) =>
      splitGallery(of, { galleryImages: 1, unknownFraction: 0.3, seed });
    expect(split(1)).toEqual(split(1, [...images].reverse()));
    expect(split(1)).not.toEqual(split(2));
  });

  it('refuses a dataset without an image to spare, or without any', () => {
    const settings = { galleryImages: 9, unknownFraction: 0, seed: 1 };
    expect(() => splitGallery(images, settings)).toThrow('Expected at least one readable probe; found none.');
    expect(() => splitGallery([], settings)).toThrow('Expected at least one readable image in the gallery');
  });
});
