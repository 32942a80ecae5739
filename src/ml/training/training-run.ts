import type { RandomState } from '../data/random.js';
import type { NamedRandom } from '../layers/layer.js';
import { disposeTensors } from '../layers/named-tensors.js';
import { GoodStates } from './good-states.js';
import { GUARD_START, type GuardState } from './guard.js';
import { restoreSnapshot, takeSnapshot } from './learner-snapshot.js';
import { restoreWeights, takeWeights } from './network-weights.js';
import type { NamedTensors } from './optimizers/optimizer.js';
import type { StepGradients } from './step-gradients.js';
import type { Learner } from './train-step.js';
import type { EpochSummary, GuardEvent } from './training-hooks.js';
import {
  addGroup,
  cloneTensors,
  groupOf,
  type TrainingProgress,
  type TrainingState,
} from './training-state.js';
import { WeightAverage } from './weight-average.js';

const START: TrainingProgress = {
  epoch: 1,
  batchIndex: 0,
  step: 0,
  sums: { images: 0, loss: 0, correct: 0 },
  learningRate: 0,
  last: null,
  best: null,
  staleEpochs: 0,
  rollbacks: [],
};

export type RunOptions = {
  /** Null: the weights are not averaged. */
  readonly emaDecay: number | null;
  /** Whether states to go back to are kept. */
  readonly keepsGoodStates: boolean;
};

/** A training under way: all that a state is taken of. The loop decides; this holds, and owns the tensors it holds. */
export class TrainingRun {
  progress = START;
  guard: GuardState = GUARD_START;
  readonly average: WeightAverage | null;
  private readonly goodStates: GoodStates | null;
  private bestWeights: NamedTensors | null = null;

  constructor(
    readonly learner: Learner,
    { emaDecay, keepsGoodStates }: RunOptions,
  ) {
    this.average = emaDecay === null ? null : new WeightAverage(learner, emaDecay);
    this.goodStates = keepsGoodStates ? new GoodStates(this) : null;
    this.goodStates?.keep();
  }

  /** Counts a finished step in. */
  addStep(step: StepGradients, learningRate: number): void {
    const { images, loss, correct } = this.progress.sums;
    this.skipStep(step);
    this.progress = {
      ...this.progress,
      learningRate,
      sums: {
        images: images + step.images,
        loss: loss + step.loss * step.images,
        correct: correct + step.accuracy * step.images,
      },
    };
  }

  /** Counts a step whose figures mean nothing. */
  skipStep({ batches }: StepGradients): void {
    const { batchIndex, step } = this.progress;
    this.progress = { ...this.progress, batchIndex: batchIndex + batches, step: step + 1 };
  }

  keepGoodState(): void {
    this.goodStates?.keep();
  }

  /** Goes back to the last good state; the position stays, so that the next step takes other images. */
  rollBack(event: GuardEvent): void {
    this.goodStates?.rollBack();
    this.progress = { ...this.progress, rollbacks: [...this.progress.rollbacks, event] };
  }

  /** The running epoch's means so far. */
  summarise(imagesPerSecond: number): EpochSummary {
    const { epoch, step, learningRate, sums } = this.progress;
    // An epoch of which every step was skipped has no mean; 0 images must not become NaN.
    const images = Math.max(1, sums.images);
    const means = { loss: sums.loss / images, accuracy: sums.correct / images };
    return { epoch, step, ...means, learningRate, imagesPerSecond };
  }

  /** Runs `use` with the weights that are scored and exported: the averaged ones where there are such. */
  withResultWeights<T>(use: () => Promise<T>): Promise<T> {
    return this.average === null ? use() : this.average.during(use);
  }

  /** Ends the running epoch. The weights that were scored are kept when it is the best so far. */
  async endEpoch(summary: EpochSummary): Promise<void> {
    const isBest = this.progress.best === null || isBetter(summary, this.progress.best);
    if (isBest) this.replaceBest(await this.withResultWeights(async () => takeWeights(this.learner)));
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
    const { tensors, updates } = takeSnapshot(this);
    if (this.bestWeights !== null) addGroup(tensors, 'best', cloneTensors(this.bestWeights));
    const kept = this.goodStates?.addTo(tensors) ?? { good: null, candidate: null };
    const randoms = this.randoms.map(({ name, random }): [string, RandomState] => [name, random.state]);
    const { progress, guard } = this;
    return { progress, guard, updates, kept, randoms: Object.fromEntries(randoms), tensors };
  }

  /** Goes on from a state, which stays the caller's. @throws MlError or Error when it is of another network */
  restore(state: TrainingState): void {
    restoreSnapshot(this, state);
    const best = groupOf(state.tensors, 'best');
    this.replaceBest(best === null ? null : cloneTensors(best));
    this.goodStates?.restore(state.tensors, state.kept);
    for (const { name, random } of this.randoms) {
      const words = state.randoms[name];
      if (words === undefined) throw new Error(`the state lacks the generator ${name}`);
      random.restore(words);
    }
    this.progress = state.progress;
    this.guard = state.guard;
  }

  dispose(): void {
    this.replaceBest(null);
    this.goodStates?.dispose();
    this.average?.dispose();
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
  return orInfinity(candidate.validationLoss) < orInfinity(best.validationLoss);
}

/** A loss that is not a number is the worst. */
function orInfinity(loss: number | undefined): number {
  return loss === undefined || Number.isNaN(loss) ? Number.POSITIVE_INFINITY : loss;
}
