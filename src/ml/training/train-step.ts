import type { Tensor, Tensor1D } from '@tensorflow/tfjs-node-gpu';
import type { Backbone } from '../backbones/backbone.js';
import type { Head } from '../heads/head.js';
import { MlError } from '../ml-error.js';
import { discardGradients } from './gradients.js';
import type { Optimizer } from './optimizers/optimizer.js';

export type StepResult = { readonly loss: number; readonly accuracy: number };

/** What one step works on. */
export type Learner = { readonly backbone: Backbone; readonly head: Head; readonly optimizer: Optimizer };

/**
 * Forward, loss and backward of one batch; leaves each parameter's gradient of the batch's mean loss in it.
 * @param images [n, size, size, 3] in [−1, 1]; consumed
 * @param labels [n], int32; stays the caller's
 */
export function computeGradients({ backbone, head }: Learner, images: Tensor, labels: Tensor1D): StepResult {
  const embeddings = backbone.forward(images, true);
  const { loss, accuracy, embeddingGradient } = head.lossAndGradient(embeddings, labels);
  embeddings.dispose();
  // Also when the loss is not finite: the backward pass frees what the layers keep.
  backbone.backward(embeddingGradient).dispose();
  return { loss, accuracy };
}

/**
 * One plain step: gradients of one batch, then the update. Images and labels as `computeGradients` takes them.
 * @throws MlError `training_diverged` when the loss is not finite, before any weight is touched
 */
export function trainStep(
  learner: Learner,
  images: Tensor,
  labels: Tensor1D,
  learningRate: number,
): StepResult {
  const result = computeGradients(learner, images, labels);
  if (!Number.isFinite(result.loss)) {
    discardGradients(learner.optimizer.parameters);
    throw notFinite(result.loss);
  }
  learner.optimizer.step(learningRate);
  return result;
}

export function notFinite(loss: number): MlError {
  return new MlError(
    'training_diverged',
    'user',
    `Expected a finite loss; found ${loss}. A lower learningRate or a longer warm-up usually helps.`,
  );
}
