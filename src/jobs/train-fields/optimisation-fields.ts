import { Type } from 'typebox';

/** How the weights move. Fields that only some optimizers or schedules read have no default here: see optimisation-rules. */
export const optimisationFields = {
  epochs: Type.Integer({ minimum: 1, maximum: 10_000, default: 30 }),
  optimizer: Type.Enum(['sgd', 'adamw'], {
    default: 'sgd',
    description: 'Stochastic gradient descent with momentum, or Adam with decoupled weight decay.',
  }),
  learningRate: Type.Optional(
    Type.Union([Type.Number({ exclusiveMinimum: 0, maximum: 10 }), Type.Literal('auto')], {
      description:
        'Peak rate, after warm-up; "auto" fits it to the images per step. Left out: 0.05 with sgd, 0.001 with adamw.',
    }),
  ),
  momentum: Type.Optional(
    Type.Number({ minimum: 0, exclusiveMaximum: 1, description: 'Of sgd. Left out: 0.9.' }),
  ),
  nesterov: Type.Optional(
    Type.Boolean({ description: "Nesterov's form of sgd's momentum. Left out: false." }),
  ),
  beta1: Type.Optional(
    Type.Number({
      minimum: 0,
      exclusiveMaximum: 1,
      description: "Of adamw: memory of the gradients' mean. Left out: 0.9.",
    }),
  ),
  beta2: Type.Optional(
    Type.Number({
      minimum: 0,
      exclusiveMaximum: 1,
      description: 'Of adamw: memory of the squared gradients. Left out: 0.999.',
    }),
  ),
  weightDecay: Type.Optional(
    Type.Number({ minimum: 0, maximum: 1, description: 'Left out: 0.0005 with sgd, 0.1 with adamw.' }),
  ),
  decayNormAndBias: Type.Boolean({
    default: true,
    description: 'Whether weight decay reaches batch norm, PReLU slopes and biases too.',
  }),
  accumulationSteps: Type.Integer({
    minimum: 1,
    maximum: 1024,
    default: 1,
    description:
      'Batches whose mean gradient makes one step: batchSize times as many images, in the same memory.',
  }),
  warmupEpochs: Type.Union([Type.Number({ minimum: 0, maximum: 1000 }), Type.Literal('auto')], {
    default: 1,
    description: 'Linear warm-up; fractions allowed. "auto" fits it to the length of the run.',
  }),
  schedule: Type.Enum(['polynomial', 'cosine', 'step', 'constant'], {
    default: 'polynomial',
    description: 'How the rate falls after the warm-up.',
  }),
  schedulePower: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 10,
      description: 'Of polynomial. Left out: 1, a straight line.',
    }),
  ),
  scheduleMilestones: Type.Optional(
    Type.Array(Type.Number({ exclusiveMinimum: 0, maximum: 10_000 }), {
      minItems: 1,
      maxItems: 100,
      description: 'Of step, which needs them: the epochs after which the rate falls; fractions allowed.',
    }),
  ),
  scheduleGamma: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      exclusiveMaximum: 1,
      description: 'Of step: what the rate is multiplied by at each milestone. Left out: 0.1.',
    }),
  ),
  finalLearningRate: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 10,
      description: 'Of polynomial and cosine: what the rate falls to. Left out: 0.',
    }),
  ),
  clipNorm: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 1_000_000,
      description: 'Longest gradient, over all of clipScope as one vector. Left out: not clipped.',
    }),
  ),
  clipScope: Type.Optional(
    Type.Enum(['all', 'backbone'], {
      description: 'Whose gradient clipNorm measures and shortens. Left out: all.',
    }),
  ),
  emaDecay: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      exclusiveMaximum: 1,
      description:
        'Memory of an exponential moving average of the weights, which is then scored and exported. Left out: off.',
    }),
  ),
  softmaxEpochs: Type.Number({
    minimum: 0,
    maximum: 10_000,
    default: 0,
    description: 'First epochs, without margin, fewer than epochs; fractions allowed.',
  }),
  marginWarmupEpochs: Type.Number({
    minimum: 0,
    maximum: 10_000,
    default: 0,
    description: 'Epochs after those in which the margin grows to its full size; fractions allowed.',
  }),
  patience: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 10_000,
      description:
        'Ends the training after so many epochs without a better one; needs validation. Left out: never.',
    }),
  ),
  guardRetries: Type.Integer({
    minimum: 0,
    maximum: 20,
    default: 3,
    description:
      'How often a training that diverges or collapses goes back to its last good state, at a fifth of the rate.',
  }),
  initFrom: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 512,
      description:
        'Where the first weights come from: the id of a training job whose model is published, an alias of it, `latest`, or a .safetensors ' +
        "file under the dataset root with InsightFace's names. Centres are carried over by class name. Left out: drawn.",
    }),
  ),
  freezeStages: Type.Optional(
    Type.Array(Type.String({ pattern: '^(stem|stage[1-4])$' }), {
      minItems: 1,
      maxItems: 5,
      uniqueItems: true,
      description:
        'First stages of the network (stem, stage1, …; up to stage4 in iresnet, stage3 in the others) that stay as initFrom has them.',
    }),
  ),
};
