import type { Tensor, Tensor1D } from '@tensorflow/tfjs-node-gpu';
import type { Backbone } from '../backbones/backbone.js';
import type { Head } from '../heads/head.js';
import { MlError } from '../ml-error.js';
import type { Optimizer } from './optimizers/optimizer.js';

export type StepResult = { readonly loss: number; readonly accuracy: number };

/** What one step works on. */
export type Learner = { readonly backbone: Backbone; readonly head: Head; readonly optimizer: Optimizer };

/**
 * One step: forward, loss, backward, update.
 * @param images [n, size, size, 3] in [−1, 1]; consumed
 * @param labels [n], int32; stays the caller's
 * @throws MlError `training_diverged` when the loss is not finite, before any weight is touched
 */
export function trainStep(
  { backbone, head, optimizer }: Learner,
  images: Tensor,
  labels: Tensor1D,
  learningRate: number,
): StepResult {
  const embeddings = backbone.forward(images, true);
  const { loss, accuracy, embeddingGradient } = head.lossAndGradient(embeddings, labels);
  embeddings.dispose();
  if (!Number.isFinite(loss)) {
    embeddingGradient.dispose();
    throw new MlError(
      'training_diverged',
      'user',
      `Expected a finite loss; found ${loss}. A lower learningRate or a longer warm-up usually helps.`,
    );
  }
  backbone.backward(embeddingGradient).dispose();
  optimizer.step(learningRate);
  return { loss, accuracy };
}
