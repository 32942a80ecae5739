import { type DatasetSplit, whyNothingValidated } from '../data/split-dataset.js';
import type { PreparedDataset } from '../training/prepare-dataset.js';
import type { DataSettings } from '../training/training-request.js';
import { hashedImages } from './dataset-report.js';
import { acrossSplit, type DuplicateReport, groupDuplicates, reportGroups } from './duplicates.js';
import { type EstimatedTraining, estimateTraining, type TrainingEstimate } from './training-estimate.js';

/** What a training would make of a dataset. */
export type TrainingReport = {
  readonly split: {
    readonly kind: string;
    readonly classCount: number;
    readonly trainingImages: number;
    readonly validationImages: number;
    readonly heldOutImages: number;
    readonly heldOutClasses: number;
  };
  /** Images that are trained on and also validated on or held out. */
  readonly duplicatesAcrossSplit: DuplicateReport;
  readonly estimate: TrainingEstimate;
  /** Sentences about what is probably not meant. */
  readonly warnings: readonly string[];
};

export type InspectedTraining = DataSettings & EstimatedTraining;

/** Counts a split, looks for duplicates across it, and estimates the training's memory and time. */
export function reportTraining(
  dataset: PreparedDataset,
  split: DatasetSplit,
  training: InspectedTraining,
): TrainingReport {
  const names = (images: readonly { readonly relativePath: string }[]) =>
    images.map(({ relativePath }) => relativePath);
  const trainedOn = new Set(names(split.training));
  const kept = new Set([...names(split.validation), ...names(split.heldOut)]);
  const shared = acrossSplit(groupDuplicates(hashedImages(dataset)), trainedOn, kept);
  const unvalidated = whyNothingValidated(split, training);
  const warnings = unvalidated === null ? [] : [unvalidated];
  if (shared.length > 0)
    warnings.push(`${shared.length} images are trained on and also held out, under other names`);
  const counts = { trainingImages: split.training.length, classCount: split.classNames.length };
  return {
    split: {
      kind: split.kind,
      ...counts,
      validationImages: split.validation.length,
      heldOutImages: split.heldOut.length,
      heldOutClasses: split.heldOutClasses.length,
    },
    duplicatesAcrossSplit: reportGroups(shared),
    estimate: estimateTraining(training, counts),
    warnings,
  };
}
