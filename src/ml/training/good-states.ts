import {
  disposeSnapshot,
  type LearnerSnapshot,
  restoreSnapshot,
  takeSnapshot,
  type UpdateCounts,
  type Updated,
} from './learner-snapshot.js';
import type { NamedTensors } from './optimizers/optimizer.js';
import { addGroup, cloneTensors, groupOf } from './training-state.js';

/** Updates that the kept states stand at; a null is one that is not there. */
export type KeptUpdates = { readonly good: UpdateCounts | null; readonly candidate: UpdateCounts | null };

/**
 * The states that a run can go back to. A new one is only a candidate until the run has stayed well up to the next:
 * weights that are about to overflow still give good losses for a while.
 */
export class GoodStates {
  private good: LearnerSnapshot | null = null;
  private candidate: LearnerSnapshot | null = null;

  constructor(private readonly updated: Updated) {}

  /** Keeps the present state; the first is good at once. */
  keep(): void {
    const snapshot = takeSnapshot(this.updated);
    if (this.good === null) {
      this.good = snapshot;
      return;
    }
    if (this.candidate !== null) {
      disposeSnapshot(this.good);
      this.good = this.candidate;
    }
    this.candidate = snapshot;
  }

  /** Puts the good state back, which remains it. */
  rollBack(): void {
    if (this.good === null) throw new Error('expected a kept state to go back to; found none');
    restoreSnapshot(this.updated, this.good);
    disposeSnapshot(this.candidate);
    this.candidate = null;
  }

  /** Adds references to what is kept under `good/…` and `candidate/…`. */
  addTo(tensors: NamedTensors): KeptUpdates {
    for (const [group, snapshot] of Object.entries({ good: this.good, candidate: this.candidate })) {
      if (snapshot !== null) addGroup(tensors, group, cloneTensors(snapshot.tensors));
    }
    return { good: this.good?.updates ?? null, candidate: this.candidate?.updates ?? null };
  }

  restore(tensors: NamedTensors, updates: KeptUpdates): void {
    this.dispose();
    this.good = snapshotOf(groupOf(tensors, 'good'), updates.good);
    this.candidate = snapshotOf(groupOf(tensors, 'candidate'), updates.candidate);
  }

  dispose(): void {
    disposeSnapshot(this.good);
    disposeSnapshot(this.candidate);
    this.good = null;
    this.candidate = null;
  }
}

function snapshotOf(tensors: NamedTensors | null, updates: UpdateCounts | null): LearnerSnapshot | null {
  return tensors === null || updates === null ? null : { tensors: cloneTensors(tensors), updates };
}
