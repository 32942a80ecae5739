import type { SplitPart } from '../data/image-entry.js';
import type { TemplateRule } from './identification/search-gallery.js';

export type ProtocolName = 'classification' | 'calibration' | 'verification' | 'identification';

/** The value that a calibration found. */
export type Auto = 'auto';

export type CalibrationSettings = { readonly precision: number };

export type VerificationSettings = {
  /** File of pairs within the dataset: `.csv`, `.txt` as LFW's, or InsightFace's `.bin`; left out, pairs are drawn. */
  readonly pairs?: string | undefined;
  readonly genuinePairs: number;
  readonly impostorPairs: number;
  readonly folds: number;
  readonly shuffleFolds: boolean;
  readonly bootstrapSamples: number;
  readonly confidenceLevel: number;
};

export type IdentificationSettings = {
  /** Folders within the dataset, of one folder per identity each; left out, the dataset is split. */
  readonly gallery?: string | undefined;
  readonly probes?: string | undefined;
  readonly galleryImages: number;
  readonly unknownFraction: number;
  readonly templateRule: TemplateRule;
};

/** An evaluation with every default filled in. */
export type EvaluationRequest = {
  /** Id of the model, for the report. */
  readonly model: string;
  readonly protocols: readonly ProtocolName[];
  /** Only the images that the manifest puts in this part; left out, all. */
  readonly split?: SplitPart | undefined;
  readonly classCount?: number | undefined;
  readonly batchSize: number;
  readonly threshold: number | Auto;
  readonly temperature: number | Auto;
  readonly shuffle: boolean;
  readonly seed: number;
  readonly flipTest: boolean;
  /** Columns of the dataset's manifest. */
  readonly sliceBy: readonly string[];
  /** Of each protocol that is asked for. */
  readonly calibration?: CalibrationSettings | undefined;
  readonly verification?: VerificationSettings | undefined;
  readonly identification?: IdentificationSettings | undefined;
};
