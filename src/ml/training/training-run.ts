import type { RandomState } from '../data/random.js';
import type { NamedRandom } from '../layers/layer.js';
import { disposeTensors, restoreWeights, takeWeights } from './network-weights.js';
import type { NamedTensors } from './optimizers/optimizer.js';
import type { StepGradients } from './step-gradients.js';
import type { Learner } from './train-step.js';
import type { EpochSummary } from './training-hooks.js';
import {
  addGroup,
  cloneTensors,
  groupOf,
  type TrainingProgress,
  type TrainingState,
} from './training-state.js';

const START: TrainingProgress = {
  epoch: 1,
  batchIndex: 0,
  step: 0,
  sums: { images: 0, loss: 0, correct: 0 },
  learningRate: 0,
  last: null,
  best: null,
  staleEpochs: 0,
};

/** A training under way: all that a state is taken of. The loop decides; this holds, and owns the tensors it holds. */
export class TrainingRun {
  progress = START;
  private bestWeights: NamedTensors | null = null;

  constructor(readonly learner: Learner) {}

  /** Counts one finished step in. */
  addStep(result: StepGradients, learningRate: number): void {
    const { progress } = this;
    const { images, loss, correct } = progress.sums;
    this.progress = {
      ...progress,
      batchIndex: progress.batchIndex + result.batches,
      step: progress.step + 1,
      learningRate,
      sums: {
        images: images + result.images,
        loss: loss + result.loss * result.images,
        correct: correct + result.accuracy * result.images,
      },
    };
  }

  /** The running epoch's means so far. */
  summarise(imagesPerSecond: number): EpochSummary {
    const { epoch, step, learningRate, sums } = this.progress;
    return {
      epoch,
      step,
      loss: sums.loss / sums.images,
      accuracy: sums.correct / sums.images,
      learningRate,
      imagesPerSecond,
    };
  }

  /** Ends the running epoch. The weights are kept when it is the best so far. */
  endEpoch(summary: EpochSummary): void {
    const isBest = this.progress.best === null || isBetter(summary, this.progress.best);
    if (isBest) this.replaceBest(takeWeights(this.learner));
    this.progress = {
      ...this.progress,
      epoch: this.progress.epoch + 1,
      batchIndex: 0,
      sums: START.sums,
      last: summary,
      best: isBest ? summary : this.progress.best,
      staleEpochs: isBest ? 0 : this.progress.staleEpochs + 1,
    };
  }

  /** Puts the best epoch's weights back into the network. */
  restoreBest(): void {
    if (this.bestWeights === null) throw new Error('expected at least one epoch to have ended');
    restoreWeights(this.learner, this.bestWeights);
  }

  takeState(): TrainingState {
    const { tensors: slots, updates } = this.learner.optimizer.state();
    const tensors: NamedTensors = new Map();
    addGroup(tensors, 'weights', takeWeights(this.learner));
    addGroup(tensors, 'optimizer', slots);
    if (this.bestWeights !== null) addGroup(tensors, 'best', cloneTensors(this.bestWeights));
    const randoms = this.randoms.map(({ name, random }): [string, RandomState] => [name, random.state]);
    return {
      progress: this.progress,
      optimizerUpdates: updates,
      randoms: Object.fromEntries(randoms),
      tensors,
    };
  }

  /** Goes on from a state, which stays the caller's. @throws MlError or Error when it is of another network */
  restore({ progress, optimizerUpdates, randoms, tensors }: TrainingState): void {
    const { optimizer } = this.learner;
    restoreWeights(this.learner, groupOf(tensors, 'weights') ?? new Map());
    optimizer.restore({ tensors: groupOf(tensors, 'optimizer') ?? new Map(), updates: optimizerUpdates });
    const best = groupOf(tensors, 'best');
    this.replaceBest(best === null ? null : cloneTensors(best));
    for (const { name, random } of this.randoms) {
      const state = randoms[name];
      if (state === undefined) throw new Error(`the state lacks the generator ${name}`);
      random.restore(state);
    }
    this.progress = progress;
  }

  dispose(): void {
    this.replaceBest(null);
  }

  private replaceBest(weights: NamedTensors | null): void {
    if (this.bestWeights !== null) disposeTensors(this.bestWeights);
    this.bestWeights = weights;
  }

  private get randoms(): readonly NamedRandom[] {
    const { backbone, head } = this.learner;
    return [...(backbone.randoms ?? []), ...head.randoms];
  }
}

/** Whether an epoch beats the best so far; without validation the later one always does. */
export function isBetter(candidate: EpochSummary, best: EpochSummary): boolean {
  if (candidate.validationAccuracy === undefined || best.validationAccuracy === undefined) return true;
  if (candidate.validationAccuracy !== best.validationAccuracy) {
    return candidate.validationAccuracy > best.validationAccuracy;
  }
  return (candidate.validationLoss ?? 0) < (best.validationLoss ?? 0);
}
