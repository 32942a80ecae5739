import type { RandomState } from '../data/random.js';
import { disposeTensors } from '../layers/named-tensors.js';
import type { KeptUpdates } from './good-states.js';
import type { GuardState } from './guard.js';
import type { UpdateCounts } from './learner-snapshot.js';
import type { NamedTensors } from './optimizers/optimizer.js';
import type { EpochSummary, GuardEvent } from './training-hooks.js';

/** Where a training stands between two steps, as plain JSON. */
export type TrainingProgress = {
  /** From 1; one more than `epochs` once the last has ended. */
  readonly epoch: number;
  /** Batches of the running epoch's plan that are done with. The plan itself follows from seed and epoch. */
  readonly batchIndex: number;
  /** Updates so far, over all epochs. */
  readonly step: number;
  /** Over the images of the running epoch. */
  readonly sums: EpochSums;
  /** Rate of the newest update. */
  readonly learningRate: number;
  readonly last: EpochSummary | null;
  readonly best: EpochSummary | null;
  /** Epochs since the best one. */
  readonly staleEpochs: number;
  /** What the guard did so far. */
  readonly rollbacks: readonly GuardEvent[];
};

export type EpochSums = { readonly images: number; readonly loss: number; readonly correct: number };

/**
 * Everything that the rest of a training depends on, taken between two steps. Restored into a run over the same dataset
 * and settings, it gives the losses and weights, bit by bit, of the run that was not interrupted.
 */
export type TrainingState = {
  readonly progress: TrainingProgress;
  readonly guard: GuardState;
  /** Updates that the optimizer and the average have counted. */
  readonly updates: UpdateCounts;
  readonly kept: KeptUpdates;
  /** States of the generators of layers and head, by name. */
  readonly randoms: Readonly<Record<string, RandomState>>;
  /**
   * `weights/…`, `optimizer/…`, `average/…`; of the best epoch so far, `best/…`; of the states that the guard goes back to,
   * `good/weights/…` and so on, and `candidate/…`. Each is a reference to a tensor that the run does not write into
   * while it is shared: taking them copies nothing, and they can be read while training goes on.
   */
  readonly tensors: NamedTensors;
};

/** The moment after an update, at which a checkpoint can be taken. */
export type StepBoundary = {
  readonly progress: TrainingProgress;
  /** The caller's to free, with `disposeState`. */
  readonly takeState: () => TrainingState;
};

/** Frees what a state holds. */
export function disposeState(state: TrainingState): void {
  disposeTensors(state.tensors);
}

/** Adds tensors under `group/name`; they belong to `into` from then on. */
export function addGroup(into: NamedTensors, group: string, tensors: NamedTensors): void {
  for (const [name, tensor] of tensors) into.set(`${group}/${name}`, tensor);
}

/** The tensors of one group under their own names, as references that stay `tensors`' own; null when there are none. */
export function groupOf(tensors: NamedTensors, group: string): NamedTensors | null {
  const prefix = `${group}/`;
  const members = [...tensors].filter(([name]) => name.startsWith(prefix));
  return members.length === 0
    ? null
    : new Map(members.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}

/** References to the same tensors, the caller's to dispose. */
export function cloneTensors(tensors: NamedTensors): NamedTensors {
  return new Map([...tensors].map(([name, tensor]) => [name, tensor.clone()]));
}
