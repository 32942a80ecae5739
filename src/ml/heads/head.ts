import type { Tensor, Tensor1D } from '@tensorflow/tfjs-node-gpu';
import { disposeGradient, type NamedRandom, type NetworkBuffer, type Parameter } from '../layers/layer.js';

/** What a head says of one batch. */
export type HeadResult = {
  /** Mean loss of the batch, in nats. Not finite when an input was not; the trainer stops on that. */
  readonly loss: number;
  /** Share of the batch whose largest logit without margin is the label's, among the classes that were looked at. */
  readonly accuracy: number;
  /** Gradient of the mean loss with respect to the embeddings, [n, d]; the caller's to dispose. */
  readonly embeddingGradient: Tensor;
};

/** Class centres and the loss over them. */
export interface Head {
  /** The class centres first, `head/centres` [classes · subCenters, d]; a linear head also has `head/bias` [classes]. */
  readonly parameters: readonly Parameter[];
  /** Scalars that no gradient moves (running means and counters of a loss), part of a training's state and of a model. */
  readonly buffers: readonly NetworkBuffer[];
  /** Generators that the loss draws from: PartialFC's sampler. */
  readonly randoms: readonly NamedRandom[];
  /** Share of the margin that counts, 0 … 1, set before a step: 0 is the loss without margin, 1 the whole margin. */
  marginFactor: number;
  /**
   * Loss of a batch and its gradients. The centres' gradient is left in the parameter: of all rows in `gradient`, or,
   * when classes were sampled, of their rows in `sparseGradient`.
   * @param embeddings [n, d], not normalised; stays the caller's
   * @param labels [n], int32, each in [0, classes)
   */
  lossAndGradient(embeddings: Tensor, labels: Tensor1D): HeadResult;
  /** Logits as used for prediction, over all classes and without margin: [n, classes]. `embeddings` stays the caller's. */
  logits(embeddings: Tensor): Tensor;
}

/** Frees a head's weights, gradients and buffers. */
export function disposeHead({ parameters, buffers }: Head): void {
  for (const parameter of parameters) {
    parameter.value.dispose();
    disposeGradient(parameter);
  }
  for (const { value } of buffers) value.dispose();
}
