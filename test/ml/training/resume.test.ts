import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DecodePool } from '../../../src/ml/data/decode-pool.js';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import type { LossSettings } from '../../../src/ml/heads/head-settings.js';
import type { OptimisationSettings } from '../../../src/ml/training/optimisation-settings.js';
import { train } from '../../../src/ml/training/train.js';
import { disposeState, type TrainingState } from '../../../src/ml/training/training-state.js';
import {
  buildTinyLearner,
  disposeLearner,
  TINY_IMAGE_SIZE,
  tinyTraining,
  weightsOf,
} from './tiny-learner.js';

let dir: string;
let pool: DecodePool;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'arcqueue-resume-'));
  pool = await DecodePool.open({ threads: 1, imageSize: TINY_IMAGE_SIZE });
});
afterAll(async () => {
  await pool.close();
  await rm(dir, { recursive: true });
});

type Settings = OptimisationSettings & { readonly loss?: LossSettings };
type Outcome = { losses: number[]; weights: Record<string, number[]>; state: TrainingState | null };

/** A training of 3 epochs; `stopAfter` ends it after so many steps and takes its state there. */
async function run(
  settings: Settings,
  { stopAfter, resumeFrom }: { stopAfter?: number; resumeFrom?: TrainingState } = {},
): Promise<Outcome> {
  const learner = buildTinyLearner(settings, resumeFrom === undefined ? 1 : 99, settings.loss);
  const losses: number[] = [];
  const stopped = new Error('stopped');
  let state: TrainingState | null = null;
  const options = await tinyTraining(dir, pool, settings);
  const training = train(
    learner,
    {
      ...options,
      resumeFrom,
      onStep: ({ progress, takeState }) => {
        if (progress.step !== stopAfter) return;
        state = takeState();
        throw stopped;
      },
    },
    { onSteps: (rows) => losses.push(...rows.map(([, loss]) => loss)) },
  );
  if (stopAfter === undefined) await training;
  else await expect(training).rejects.toBe(stopped);
  const weights = weightsOf(learner);
  disposeLearner(learner);
  return { losses, weights, state };
}

/** As a file would keep it: numbers and JSON, nothing of the run that it was taken of. */
function throughBytes(state: TrainingState): TrainingState {
  const { tf } = loadTensorFlow();
  const { tensors, ...plain } = state;
  const copies = [...tensors].map(([name, tensor]) => {
    return [name, tf.tensor(tensor.dataSync().slice(), tensor.shape)] as const;
  });
  disposeState(state);
  return { ...JSON.parse(JSON.stringify(plain)), tensors: new Map(copies) };
}

// 12 images in batches of 4: 3 batches an epoch, 9 in all.
describe.each<[string, Settings, number[]]>([
  ['sgd', { epochs: 3, warmupEpochs: 1, learningRate: 0.05 }, [1, 3, 5, 8]],
  ['nesterov and cosine', { epochs: 3, warmupEpochs: 0.5, nesterov: true, schedule: 'cosine' }, [4]],
  ['adamw', { epochs: 3, warmupEpochs: 1, optimizer: 'adamw', decayNormAndBias: false }, [4]],
  [
    'averages, clipping and a growing margin',
    { epochs: 3, warmupEpochs: 1, emaDecay: 0.9, clipNorm: 1, softmaxEpochs: 1, marginWarmupEpochs: 1 },
    [2, 4],
  ],
  [
    'sampled classes',
    { epochs: 3, warmupEpochs: 1, loss: { sampleRate: 0.5 }, accumulationSteps: 2, emaDecay: 0.9 },
    [1, 3],
  ],
  [
    "a loss's own statistics",
    { epochs: 3, warmupEpochs: 0, optimizer: 'adamw', loss: { loss: 'adaface' } },
    [2],
  ],
  ['accumulation', { epochs: 3, warmupEpochs: 1, accumulationSteps: 2 }, [1, 3]],
])('a training with %s', (_, settings, stops) => {
  let whole: Outcome;
  beforeAll(async () => {
    whole = await run(settings);
  });

  it.each(stops)('stopped after step %i goes on with the same losses and bit-equal weights', async (step) => {
    const { tf } = loadTensorFlow();
    const before = tf.memory().numTensors;
    const first = await run(settings, { stopAfter: step });
    if (first.state === null) throw new Error('expected a state');
    const state = throughBytes(first.state);
    const second = await run(settings, { resumeFrom: state });
    expect(second.losses).toEqual(whole.losses.slice(step));
    expect(second.losses.length).toBeGreaterThan(0);
    expect(second.weights).toEqual(whole.weights);
    disposeState(state);
    expect(tf.memory().numTensors).toBe(before);
  });
});

it('a state of another network is refused by name', async () => {
  const { state } = await run({ epochs: 3, warmupEpochs: 0 }, { stopAfter: 1 });
  if (state === null) throw new Error('expected a state');
  state.tensors.get('weights/head/centres')?.dispose();
  state.tensors.delete('weights/head/centres');
  await expect(run({ epochs: 3, warmupEpochs: 0 }, { resumeFrom: state })).rejects.toThrow(
    /Expected head\/centres \[3,6\]; found nothing/,
  );
  disposeState(state);
});
