import { readInsightfaceWeights } from '../export/insightface-weights.js';
import { FrozenStages } from './frozen-stages.js';
import type { Network } from './network-weights.js';
import type { Optimisation } from './optimisation-settings.js';
import { buildOptimizer } from './optimizers/build-optimizer.js';
import type { Learner } from './train-step.js';
import { startFromModel, type WarmStart } from './warm-start.js';

/** Where first weights come from: a published model's folder, or a file with InsightFace's names. Paths are absolute. */
export type InitSource =
  | { readonly kind: 'model'; readonly dir: string }
  | { readonly kind: 'safetensors'; readonly path: string };

export type StartOptions = {
  readonly optimisation: Optimisation;
  readonly initFrom: InitSource | null;
  readonly freezeStages: readonly string[];
  /** Of the network's head, by index. */
  readonly classNames: readonly string[];
};

/**
 * Makes a fresh network ready to learn: first weights, frozen stages, optimizer. The learner shares the network's tensors.
 * @throws MlError when the weights are of another network or the stages cannot be frozen
 */
export async function startLearner(
  network: Network,
  { optimisation, initFrom, freezeStages, classNames }: StartOptions,
): Promise<{ learner: Learner; warmStart: WarmStart | null }> {
  const { head } = network;
  const warmStart = await initialise(network, classNames, initFrom);
  const frozen = freezeStages.length > 0 ? new FrozenStages(network.backbone, freezeStages) : null;
  const backbone = frozen ?? network.backbone;
  const trained = frozen?.trainedParameters ?? backbone.parameters;
  const optimizer = buildOptimizer([...trained, ...head.parameters], optimisation.optimizer);
  return { learner: { backbone, head, optimizer }, warmStart };
}

async function initialise(
  network: Network,
  classNames: readonly string[],
  source: InitSource | null,
): Promise<WarmStart | null> {
  if (source === null) return null;
  if (source.kind === 'model') return startFromModel(network, classNames, source.dir);
  await readInsightfaceWeights(source.path, network.backbone);
  return { carriedClasses: 0, newClasses: classNames.length };
}
