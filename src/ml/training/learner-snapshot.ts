import { disposeTensors } from '../layers/named-tensors.js';
import { restoreWeights, takeWeights } from './network-weights.js';
import type { NamedTensors } from './optimizers/optimizer.js';
import type { Learner } from './train-step.js';
import { addGroup, groupOf } from './training-state.js';
import type { WeightAverage } from './weight-average.js';

/** All that updates change: weights, the optimizer's slots and the averaged weights. */
export type LearnerSnapshot = {
  readonly updates: UpdateCounts;
  /** `weights/…`, `optimizer/…`, `average/…`; references, the holder's to dispose. */
  readonly tensors: NamedTensors;
};

export type UpdateCounts = { readonly optimizer: number; readonly average: number };

export type Updated = { readonly learner: Learner; readonly average: WeightAverage | null };

export function takeSnapshot({ learner, average }: Updated): LearnerSnapshot {
  const { tensors: slots, updates } = learner.optimizer.state();
  const tensors: NamedTensors = new Map();
  addGroup(tensors, 'weights', takeWeights(learner));
  addGroup(tensors, 'optimizer', slots);
  if (average !== null) addGroup(tensors, 'average', average.state());
  return { updates: { optimizer: updates, average: average?.updates ?? 0 }, tensors };
}

/** Puts a snapshot back; it stays the caller's. @throws MlError or Error when it is of another network */
export function restoreSnapshot({ learner, average }: Updated, { updates, tensors }: LearnerSnapshot): void {
  restoreWeights(learner, groupOf(tensors, 'weights') ?? new Map());
  learner.optimizer.restore({
    tensors: groupOf(tensors, 'optimizer') ?? new Map(),
    updates: updates.optimizer,
  });
  average?.restore(groupOf(tensors, 'average') ?? new Map(), updates.average);
}

export function disposeSnapshot(snapshot: LearnerSnapshot | null): void {
  if (snapshot !== null) disposeTensors(snapshot.tensors);
}
