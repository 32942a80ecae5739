import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DecodePool } from '../../../src/ml/data/decode-pool.js';
import { loadTensorFlow } from '../../../src/ml/engine/load-tensorflow.js';
import type { OptimisationSettings } from '../../../src/ml/training/optimisation-settings.js';
import { type TrainOutcome, train } from '../../../src/ml/training/train.js';
import type { GuardEvent } from '../../../src/ml/training/training-hooks.js';
import { isBetter } from '../../../src/ml/training/training-run.js';
import { disposeState, type TrainingState } from '../../../src/ml/training/training-state.js';
import { validate } from '../../../src/ml/training/validate.js';
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
  dir = await mkdtemp(join(tmpdir(), 'arcqueue-divergence-'));
  pool = await DecodePool.open({ threads: 1, imageSize: TINY_IMAGE_SIZE });
});
afterAll(async () => {
  await pool.close();
  await rm(dir, { recursive: true });
});

// Weight decay this large at this rate multiplies the weights by about −4 in every step, until they overflow.
const DIVERGING: OptimisationSettings = {
  epochs: 40,
  warmupEpochs: 0,
  learningRate: 10,
  weightDecay: 0.5,
  schedule: 'constant',
};

type Run = {
  readonly outcome: TrainOutcome | Error;
  readonly losses: number[];
  readonly events: GuardEvent[];
  readonly warnings: string[];
  readonly weights: Record<string, number[]>;
  readonly state: TrainingState | null;
};

async function run(
  settings: OptimisationSettings,
  { stateAt, resumeFrom }: { stateAt?: number; resumeFrom?: TrainingState } = {},
): Promise<Run> {
  const learner = buildTinyLearner(settings);
  const losses: number[] = [];
  const events: GuardEvent[] = [];
  const warnings: string[] = [];
  let state: TrainingState | null = null;
  const options = await tinyTraining(dir, pool, settings);
  const outcome = await train(
    learner,
    {
      ...options,
      resumeFrom,
      onStep: ({ progress, takeState }) => {
        if (progress.step === stateAt) state = takeState();
      },
    },
    {
      onSteps: (rows) => losses.push(...rows.map(([, loss]) => loss)),
      onGuard: (event) => events.push(event),
      onLog: (level, message) => level === 'warn' && warnings.push(message),
    },
  ).catch((error: Error) => error);
  const weights = weightsOf(learner);
  disposeLearner(learner);
  return { outcome, losses, events, warnings, weights, state };
}

describe('a training whose rate is far too high', () => {
  let recovered: Run;
  beforeAll(async () => {
    recovered = await run(DIVERGING);
  });

  it('goes back, lowers the rate, tells so, and then learns', () => {
    const { outcome, events, warnings, losses } = recovered;
    expect(events.length).toBeGreaterThan(0);
    expect(events.map(({ rateFactor }) => Number(rateFactor.toFixed(6)))).toEqual(
      [0.2, 0.04, 0.008].slice(0, events.length),
    );
    expect(events.every(({ reason }) => reason === 'not_finite')).toBe(true);
    expect(warnings).toHaveLength(events.length);
    expect(warnings[0]).toMatch(/step \d+: .*not finite; back to the last good state/);
    expect(outcome).toMatchObject({ steps: 120, rollbacks: events });
    expect(losses.every(Number.isFinite)).toBe(true);
    // Three classes that any linear network tells apart.
    expect((outcome as TrainOutcome).best.validationAccuracy).toBe(1);
    expect(Object.values(recovered.weights).flat().every(Number.isFinite)).toBe(true);
  });

  it('fails with a sentence once its retries are used up, and leaves no tensor', async () => {
    const { tf } = loadTensorFlow();
    const before = tf.memory().numTensors;
    for (const guardRetries of [0, 1]) {
      const { outcome, events } = await run({ ...DIVERGING, learningRate: 1e6, guardRetries });
      expect(events).toHaveLength(guardRetries);
      expect(outcome).toMatchObject({ code: 'training_diverged', fault: 'user', retryable: false });
      expect((outcome as Error).message).toContain(`after going back to a good state ${guardRetries} times`);
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it('resumes exactly from a state taken before it goes back, and from one taken after', async () => {
    const [first] = recovered.events;
    for (const stateAt of [(first?.step ?? 0) - 2, (first?.step ?? 0) + 3]) {
      const { state } = await run(DIVERGING, { stateAt });
      if (state === null) throw new Error('expected a state');
      const resumed = await run(DIVERGING, { resumeFrom: state });
      disposeState(state);
      expect(resumed.weights).toEqual(recovered.weights);
      expect(resumed.losses).toEqual(recovered.losses.slice(-resumed.losses.length));
      expect(resumed.outcome).toMatchObject({ rollbacks: recovered.events });
    }
  });
});

describe('early stopping', () => {
  it('ends after as many epochs without a better one, and not where each is better', async () => {
    // A rate this small changes nothing that validation could see.
    const settings = { epochs: 12, warmupEpochs: 0, learningRate: 1e-12, patience: 2 } as const;
    const still = (await run(settings)).outcome as TrainOutcome;
    expect(still.last.epoch).toBeLessThan(12);
    expect(still.last.epoch - still.best.epoch).toBe(2);
    const patient = (await run({ ...settings, patience: undefined })).outcome as TrainOutcome;
    expect(patient.last.epoch).toBe(12);
  });
});

it('is not taken for trained when its last update leaves weights that are not finite', async () => {
  // One step, so that no later loss shows what the update did.
  const settings: OptimisationSettings = {
    epochs: 1,
    warmupEpochs: 0,
    learningRate: 1e38,
    accumulationSteps: 3,
  };
  const { outcome, losses } = await run(settings);
  expect(losses).toHaveLength(1);
  expect(losses.every(Number.isFinite)).toBe(true);
  expect(outcome).toMatchObject({ code: 'training_diverged', fault: 'user' });
});

describe('an epoch whose validation is not a number', () => {
  const summary = { epoch: 1, step: 1, loss: 1, accuracy: 0, learningRate: 1, imagesPerSecond: 1 };
  const good = { ...summary, validationLoss: 3, validationAccuracy: 0 };
  const bad = { ...summary, validationLoss: Number.NaN, validationAccuracy: 0 };

  it('never beats one whose is, and is beaten by it', () => {
    expect(isBetter(bad, good)).toBe(false);
    expect(isBetter(good, bad)).toBe(true);
  });

  it('counts no image as right', async () => {
    const learner = buildTinyLearner({ epochs: 1, warmupEpochs: 0 });
    const { validation } = await tinyTraining(dir, pool, { epochs: 1, warmupEpochs: 0 });
    const [centres] = learner.head.parameters;
    if (centres === undefined) throw new Error('expected centres');
    const { tf } = loadTensorFlow();
    centres.value.dispose();
    centres.value = tf.fill(centres.value.shape, Number.NaN);
    const { loss, accuracy } = await validate(learner, validation, { pool, batchSize: 4 });
    disposeLearner(learner);
    expect(loss).toBeNaN();
    expect(accuracy).toBe(0);
  });
});
