import type { Tensor, Tensor1D } from '@tensorflow/tfjs-node-gpu';
import type { NamedRandom, NetworkBuffer, Parameter } from '../layers/layer.js';

/** What a head says of one batch. */
export type HeadResult = {
  /** Mean loss of the batch, in nats. */
  readonly loss: number;
  /** Share of the batch whose largest logit without margin is the label's. */
  readonly accuracy: number;
  /** Gradient of the mean loss with respect to the embeddings, [n, d]; the caller's to dispose. */
  readonly embeddingGradient: Tensor;
};

/** Class centres and the loss over them. */
export interface Head {
  /** One: the class centres, [classes, d]. */
  readonly parameters: readonly Parameter[];
  /** State that no gradient moves (running means of a loss); part of a training's state. */
  readonly buffers?: readonly NetworkBuffer[];
  /** Generators that the loss draws from; left out where it draws nothing. */
  readonly randoms?: readonly NamedRandom[];
  /**
   * Loss of a batch and its gradients; the centres' gradient is left in the parameter.
   * @param embeddings [n, d], not normalised; stays the caller's
   * @param labels [n], int32, each in [0, classes)
   */
  lossAndGradient(embeddings: Tensor, labels: Tensor1D): HeadResult;
  /** Logits as used for prediction, scale · cos, without margin: [n, classes]. `embeddings` stays the caller's. */
  logits(embeddings: Tensor): Tensor;
}
