import type { Random } from '../data/random.js';
import type { Layer } from '../layers/layer.js';

/** What a network's layers are built from. */
export type LayersOptions = {
  readonly embeddingSize: number;
  /** Side of the last feature map. */
  readonly lastSide: number;
  /** Without it, the weights are 0, to be replaced by stored ones. */
  readonly random: Random | null;
  /** What stands before the last linear layer: a dropout, or nothing. */
  readonly beforeLinear: readonly Layer[];
};
