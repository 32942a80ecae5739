import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tensor } from '@tensorflow/tfjs-node-gpu';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../../src/ml/data/random.js';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import { assembleHead } from '../../../src/ml/heads/build-head.js';
import { LOSS_DEFAULTS, type LossSettings, resolveSettings } from '../../../src/ml/heads/head-settings.js';
import { relativeError } from '../finite-differences.js';

const FOLDER = join(import.meta.dirname, '../../fixtures/heads');

type Described = { readonly shape: number[]; readonly values: number[]; readonly gradient: number[] };
type Fixture = {
  readonly request: LossSettings;
  readonly labels: number[];
  readonly loss: number;
  readonly embeddings: Described;
  readonly centres: Described;
  readonly bias?: Described;
};

const fixtures = readdirSync(FOLDER).map(
  (name) => [name, JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Fixture] as const,
);

/** Made by scripts/fixtures/make_head_fixtures.py, in float64; run on whichever engine the caller has loaded. */
export function compareWithPytorch(): void {
  const { tf } = loadTensorFlow();
  const toTensor = ({ values, shape }: Described) => tf.tensor(values, shape, 'float32');

  it('there is a fixture of every loss', () => {
    const found = new Set(fixtures.map(([, { request }]) => request.loss));
    expect([...found].sort()).toEqual(Object.keys(LOSS_DEFAULTS).sort());
  });

  describe.each(fixtures)('PyTorch’s autograd in %s', (_, fixture) => {
    it('gives the same loss and gradients', () => {
      const { request, labels, embeddings, centres, bias } = fixture;
      const classCount = centres.shape[0] ?? 0;
      const settings = resolveSettings(request, classCount);
      const weights = { centres: toTensor(centres), bias: bias === undefined ? null : toTensor(bias) };
      const head = assembleHead(settings, weights, createRandom(1));
      const result = head.lossAndGradient(toTensor(embeddings), tf.tensor1d(labels, 'int32'));
      expect(Math.abs(result.loss / fixture.loss - 1)).toBeLessThan(1e-5);
      expect(relativeError(result.embeddingGradient.dataSync(), embeddings.gradient)).toBeLessThan(2e-5);
      [centres, bias].forEach((expected, i) => {
        if (expected === undefined) return;
        const gradient = head.parameters[i]?.gradient as Tensor;
        expect(relativeError(gradient.dataSync(), expected.gradient)).toBeLessThan(2e-5);
      });
    });
  });
}
