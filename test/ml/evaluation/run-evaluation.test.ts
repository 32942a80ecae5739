import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { completeEvaluateRequest } from '../../../src/jobs/check-evaluate-request.js';
import type { EvaluateRequest } from '../../../src/jobs/requests.js';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { runEvaluation } from '../../../src/ml/evaluation/run-evaluation.js';
import type { RunHooks } from '../../../src/ml/training/training-hooks.js';
import { type Colour, writeColours } from '../../flow/tiny-dataset.js';
import { evaluateRequest } from '../../jobs/job-requests.js';
import { writeFreshModel } from '../export/fresh-model.js';

const COLOURS: readonly Colour[] = ['red', 'green', 'blue'];
/** The model's class for each colour. */
const CLASSES = ['a', 'b', 'c'];
const IMAGES = 5;

let dir: string;
let modelDir: string;
let datasetDir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'arcqueue-evaluation-'));
  modelDir = join(dir, 'model');
  datasetDir = join(dir, 'dataset');
  await mkdir(modelDir);
  await writeFreshModel(modelDir, 'mobilefacenet');
  await writeColours(join(dir, 'colours'), { classes: [...COLOURS, 'grey'], images: IMAGES });
  for (const [i, name] of CLASSES.entries()) await copyClass(COLOURS[i] as Colour, name);
  await copyClass('grey', 'stranger');
  await writeFile(join(datasetDir, 'pairs.csv'), csvOf(EVERY_PAIR));
});
afterAll(() => rm(dir, { recursive: true }));

async function copyClass(colour: Colour, name: string): Promise<void> {
  await mkdir(join(datasetDir, name), { recursive: true });
  for (const file of await readdir(join(dir, 'colours', colour))) {
    await writeFile(join(datasetDir, name, file), await readFile(join(dir, 'colours', colour, file)));
  }
}

const NAMES = CLASSES.flatMap((name) => Array.from({ length: IMAGES }, (_, i) => `${name}/${i}.png`));
const EVERY_PAIR = NAMES.flatMap((left, i) => NAMES.slice(i + 1).map((right) => [left, right] as const));
const isSame = ([left, right]: readonly [string, string]) => left[0] === right[0];
const csvOf = (pairs: readonly (readonly [string, string])[]) =>
  `left,right,same\n${pairs.map((pair) => `${pair.join(',')},${isSame(pair) ? 1 : 0}\n`).join('')}`;

type Report = Record<string, never> & { verification: never; identification: never; calibration: never };

async function evaluate(
  changes: Partial<EvaluateRequest> = {},
  hooks: RunHooks = {},
  calibrationDir?: string,
) {
  const outputDir = await mkdtemp(join(dir, 'output-'));
  const request = completeEvaluateRequest({ ...evaluateRequest('fresh'), ...changes });
  const { result, provenance } = await runEvaluation(
    { datasetDir, modelDir, outputDir, decodeThreads: 1, request, calibrationDir },
    hooks,
  );
  const text = (name: string) => readFile(join(outputDir, name), 'utf8');
  const report = JSON.parse(await text('report.json')) as Report;
  return { outputDir, result, provenance, report, text };
}

const ALL = [
  'classification',
  'calibration',
  'verification',
  'identification',
] as EvaluateRequest['protocols'];
const rowsOf = (csv: string) =>
  csv
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','));

describe('an evaluation by every protocol', () => {
  it('gives the same bytes when it is run again, reports to the end, and leaves no tensor', async () => {
    const { tf } = loadTensorFlow();
    const before = tf.memory().numTensors;
    const percents: number[] = [];
    const hooks: RunHooks = { onProgress: ({ percent }) => percents.push(percent) };
    const [first, second] = [await evaluate({ protocols: ALL }, hooks), await evaluate({ protocols: ALL })];
    const files = (await readdir(first.outputDir)).sort();
    expect(files).toEqual([
      'calibration.json',
      'cmc.svg',
      'confusion.svg',
      'det.svg',
      'reliability.svg',
      'report.html',
      'report.json',
      'roc.svg',
      'scores.csv',
      'scores.svg',
      'searches.csv',
    ]);
    for (const name of files) expect(await second.text(name)).toBe(await first.text(name));
    expect(percents.at(-1)).toBe(100);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('reports every figure with its model, dataset, version and seed, and its result without lists', async () => {
    const { report, result, provenance } = await evaluate({ protocols: ALL, seed: 7 });
    expect(report).toMatchObject({
      protocolVersion: 'arcqueue-evaluation/1',
      model: 'fresh',
      protocols: ALL,
      datasetHash: provenance.datasetHash,
      seed: 7,
      images: 15,
      strangers: { images: 5 },
      calibration: { images: 15, strangers: 5, precision: 0.99 },
      verification: {
        pairsFile: null,
        flipTest: false,
        genuinePairs: 40,
        impostorPairs: 150,
        intervals: { samples: 200 },
      },
      identification: { galleryImages: 4, probes: 16, matedProbes: 16, nonMatedProbes: 0 },
    });
    expect(report).toMatchObject(result);
    for (const name of ['curves', 'slices']) expect(result.verification).not.toHaveProperty(name);
    expect(JSON.stringify(report)).not.toMatch(/NaN|Infinity/);
  });

  it.each<[string, Partial<EvaluateRequest>, RegExp]>([
    ['the seed', { seed: 2 }, /scores|searches/],
    ['flipTest', { flipTest: true }, /scores|searches/],
    ['genuinePairs', { verification: verification({ genuinePairs: 20 }) }, /scores/],
    ['impostorPairs', { verification: verification({ impostorPairs: 20 }) }, /scores/],
    ['folds', { verification: verification({ folds: 5 }) }, /report/],
    ['shuffleFolds', { verification: verification({ shuffleFolds: true }) }, /report/],
    ['bootstrapSamples', { verification: verification({ bootstrapSamples: 50 }) }, /report/],
    ['confidenceLevel', { verification: verification({ confidenceLevel: 0.8 }) }, /report/],
    ['galleryImages', { identification: identification({ galleryImages: 2 }) }, /searches/],
    ['unknownFraction', { identification: identification({ unknownFraction: 0.5 }) }, /searches/],
    ['precision', { calibration: { precision: 0.3 } }, /calibration/],
  ])('is changed by %s', async (_, changes, where) => {
    const base = await evaluate({ protocols: ALL });
    const changed = await evaluate({ protocols: ALL, ...changes });
    const files = await readdir(base.outputDir);
    const differ: string[] = [];
    for (const name of files) if ((await base.text(name)) !== (await changed.text(name))) differ.push(name);
    expect(differ.filter((name) => where.test(name))).not.toEqual([]);
  });

  it('is changed by templateRule where an identity has several images', async () => {
    const searches = async (templateRule: 'mean' | 'max') => {
      const settings = identification({ galleryImages: 3, templateRule });
      return (await evaluate({ protocols: ['identification'], identification: settings })).text(
        'searches.csv',
      );
    };
    expect(await searches('mean')).not.toBe(await searches('max'));
  });

  it('stops when aborted, with the reason, and leaves no tensor', async () => {
    const { tf } = loadTensorFlow();
    const before = tf.memory().numTensors;
    const controller = new AbortController();
    const reason = new Error('enough');
    const settings = verification({ bootstrapSamples: 10_000 });
    const running = evaluate(
      { protocols: ['verification'], verification: settings },
      { onProgress: ({ percent }) => percent === 100 && controller.abort(reason), signal: controller.signal },
    );
    await expect(running).rejects.toBe(reason);
    expect(tf.memory().numTensors).toBe(before);
  });
});

function verification(changes: object) {
  const request = completeEvaluateRequest({ ...evaluateRequest('fresh'), protocols: ['verification'] });
  return { ...request.verification, ...changes } as NonNullable<EvaluateRequest['verification']>;
}
function identification(changes: object) {
  const request = completeEvaluateRequest({ ...evaluateRequest('fresh'), protocols: ['identification'] });
  return { ...request.identification, ...changes } as NonNullable<EvaluateRequest['identification']>;
}

describe('a verification', () => {
  const protocols: EvaluateRequest['protocols'] = ['verification'];

  it('scores the same images alike, listed in a CSV or packed in a .bin, whatever the batch', async () => {
    const pairs = EVERY_PAIR.slice(0, 30);
    const images = await Promise.all(pairs.flat().map((name) => readFile(join(datasetDir, name))));
    await writeFile(join(datasetDir, 'few.csv'), csvOf(pairs));
    await writeFile(join(datasetDir, 'few.bin'), pickleOf(images, pairs.map(isSame)));
    const listed = await evaluate({ protocols, verification: verification({ pairs: 'few.csv' }) });
    const packed = await evaluate({
      protocols,
      batchSize: 7,
      verification: verification({ pairs: 'few.bin' }),
    });
    const [a, b] = [rowsOf(await listed.text('scores.csv')), rowsOf(await packed.text('scores.csv'))];
    expect(a).toHaveLength(30);
    a.forEach(([left, right, same, cosine], i) => {
      expect([left, right]).toEqual(pairs[i]);
      expect(same).toBe(b[i]?.[2]);
      expect(Math.abs(Number(cosine) - Number(b[i]?.[3]))).toBeLessThan(1e-5);
    });
    expect(listed.report.verification).toMatchObject({ pairsFile: { name: 'few.csv' }, pairs: 30 });
    expect(packed.report).toMatchObject({
      verification: { pairsFile: { sha256: packed.provenance.datasetHash } },
    });
  });

  it('accepts with the flip test what the sum of both raw embeddings says', async () => {
    // An image and its mirror image have the same sum.
    const name = 'a/0.png';
    const { default: sharp } = await import('sharp');
    await writeFile(
      join(datasetDir, 'a', '9.png'),
      await sharp(join(datasetDir, name)).flop().png().toBuffer(),
    );
    await writeFile(join(datasetDir, 'mirror.csv'), csvOf([[name, 'a/9.png']]));
    const cosine = async (flipTest: boolean) => {
      const { text } = await evaluate({
        protocols,
        flipTest,
        verification: verification({ pairs: 'mirror.csv' }),
      });
      return Number(rowsOf(await text('scores.csv'))[0]?.[3]);
    };
    try {
      expect(await cosine(true)).toBeGreaterThan(1 - 1e-6);
      expect(await cosine(false)).toBeLessThan(1 - 1e-6);
    } finally {
      await rm(join(datasetDir, 'a', '9.png'));
    }
  });

  it.each([
    ['a file that is missing', 'none.csv', 'found "none.csv", which does not exist.'],
    [
      'a file outside the dataset',
      '../colours/pairs.csv',
      'found "../colours/pairs.csv", which leads out of it.',
    ],
  ])('refuses %s', async (_, pairs, message) => {
    await writeFile(join(dir, 'colours', 'pairs.csv'), csvOf(EVERY_PAIR));
    await expect(evaluate({ protocols, verification: verification({ pairs }) })).rejects.toThrow(message);
  });
});

describe('an identification of folders', () => {
  it('finds probes that are in the gallery, and leaves those it lacks unmated', async () => {
    const root = await mkdtemp(join(dir, 'folders-'));
    const put = async (part: string, name: string, from: string) => {
      await mkdir(join(root, part, name), { recursive: true });
      await writeFile(join(root, part, name, '0.png'), await readFile(join(datasetDir, from)));
    };
    await put('gallery', 'x', 'a/0.png');
    await put('gallery', 'y', 'b/0.png');
    await put('probes', 'y', 'b/0.png');
    await put('probes', 'z', 'c/0.png');
    const outputDir = await mkdtemp(join(dir, 'output-'));
    const settings = identification({ gallery: 'gallery', probes: 'probes' });
    const request = {
      ...evaluateRequest('fresh'),
      protocols: ['identification' as const],
      identification: settings,
    };
    const { result } = await runEvaluation({
      datasetDir: root,
      modelDir,
      outputDir,
      decodeThreads: 1,
      request,
    });
    expect(result.identification).toMatchObject({
      galleryIdentities: 2,
      matedProbes: 1,
      nonMatedProbes: 1,
      rank1: 1,
      meanAveragePrecision: 1,
    });
    const rows = rowsOf(await readFile(join(outputDir, 'searches.csv'), 'utf8'));
    expect(rows[0]?.slice(0, 3)).toEqual(['y/0.png', 'y', 'y']);
    expect(Number(rows[0]?.[3])).toBeCloseTo(1, 5);
    expect(rows[1]?.[4]).toBe('');
  });
});

describe('slices', () => {
  it('gives the figures of each value of a manifest’s column, and the gap', async () => {
    const lines = NAMES.map((name, i) => `${name},${name[0]},${i % 5 < 2 ? 'dark' : 'bright'}\n`);
    await writeFile(join(datasetDir, 'manifest.csv'), `path,label,light\n${lines.join('')}`);
    try {
      const { report } = await evaluate({ protocols: ALL, sliceBy: ['light'] });
      const sliced = (slices: unknown) =>
        slices as {
          column: string;
          outside: number;
          slices: { value: string; figures: Record<string, number> }[];
        }[];
      const [classified] = sliced(report.slices);
      expect(classified?.slices.map(({ value, figures }) => [value, figures.images])).toEqual([
        ['bright', 9],
        ['dark', 6],
      ]);
      expect(classified).toHaveProperty('gaps.accuracy.gap');
      const [verified] = sliced((report.verification as Record<string, unknown>).slices);
      // 9·8/2 pairs of two bright images, 6·5/2 of two dark ones, 54 of one each.
      expect(verified?.slices.map(({ figures }) => figures.pairs)).toEqual([36, 15]);
      expect(verified?.outside).toBe(54);
      const [identified] = sliced((report.identification as Record<string, unknown>).slices);
      expect(identified?.slices.reduce((sum, { figures }) => sum + (figures.probes ?? 0), 0)).toBe(12);
      await expect(evaluate({ sliceBy: ['camera'] })).rejects.toMatchObject({
        code: 'slice_column_missing',
        fault: 'user',
      });
    } finally {
      await rm(join(datasetDir, 'manifest.csv'));
    }
  });
});

describe('auto', () => {
  it('takes temperature and threshold of a calibration of the same model', async () => {
    const settings = { precision: 0.2 };
    const calibrated = await evaluate({ protocols: ['calibration'], calibration: settings });
    const { temperature, threshold } = JSON.parse(await calibrated.text('calibration.json'));
    expect(threshold).toBeGreaterThan(0);
    expect(calibrated.report).not.toHaveProperty('accuracy');
    const auto = { temperature: 'auto', threshold: 'auto' } as const;
    const { report } = await evaluate(auto, {}, calibrated.outputDir);
    expect(report).toMatchObject({ temperature, threshold });
    await expect(evaluate(auto)).rejects.toMatchObject({ code: 'calibration_missing', fault: 'user' });
    await expect(evaluate({ ...auto, model: 'other' }, {}, calibrated.outputDir)).rejects.toMatchObject({
      code: 'calibration_mismatch',
    });
  });

  it('refuses a threshold of a calibration that found none, and a file that is none', async () => {
    const calibrationDir = await mkdtemp(join(dir, 'calibration-'));
    const write = (content: string) => writeFile(join(calibrationDir, 'calibration.json'), content);
    const found = {
      format: 'arcqueue-calibration/1',
      model: 'fresh',
      temperature: 2,
      threshold: null,
      precision: 0.99,
    };
    await write(JSON.stringify(found));
    await expect(evaluate({ threshold: 'auto' }, {}, calibrationDir)).rejects.toMatchObject({
      code: 'calibration_without_threshold',
      fault: 'user',
    });
    expect((await evaluate({ temperature: 'auto' }, {}, calibrationDir)).report).toMatchObject({
      temperature: 2,
    });
    for (const content of ['no JSON', 'null', '{"format":"other/1"}']) {
      await write(content);
      await expect(evaluate({ threshold: 'auto' }, {}, calibrationDir)).rejects.toMatchObject({
        code: 'calibration_unreadable',
      });
    }
  });
});

/** A pickle, protocol 3, of buffers and booleans. */
function pickleOf(buffers: readonly Uint8Array[], flags: readonly boolean[]): Buffer {
  const packed = buffers.map((buffer) => {
    const length = Buffer.alloc(5, 'B');
    length.writeUInt32LE(buffer.length, 1);
    return Buffer.concat([length, buffer]);
  });
  const booleans = flags.map((flag) => (flag ? '\x88' : '\x89')).join('');
  const end = Buffer.from(`e](${booleans}e\x86.`, 'latin1');
  return Buffer.concat([Buffer.from('\x80\x03](', 'latin1'), ...packed, end]);
}
