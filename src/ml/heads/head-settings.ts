import { fitScale } from './scale.js';

/** What a training request says about the loss. What is left out takes the default of its loss. */
export type LossSettings = {
  /** ArcFace when left out. */
  readonly loss?: LossName | undefined;
  /** Length of the logits. Left out or `auto`: fitted to the number of classes. */
  readonly scale?: number | 'auto' | undefined;
  /** In radians; for CosFace, taken from the cosine. */
  readonly margin?: number | undefined;
  readonly marginAngleMultiplier?: number | undefined;
  readonly marginCosine?: number | undefined;
  readonly easyMargin?: boolean | undefined;
  readonly sphereLambdaStart?: number | undefined;
  readonly sphereLambdaDecay?: number | undefined;
  readonly sphereLambdaFloor?: number | undefined;
  readonly curricularMomentum?: number | undefined;
  readonly adaConcentration?: number | undefined;
  readonly adaMomentum?: number | undefined;
  readonly magNormLow?: number | undefined;
  readonly magNormHigh?: number | undefined;
  readonly magMarginLow?: number | undefined;
  readonly magMarginHigh?: number | undefined;
  readonly magRegularizer?: number | undefined;
  /** Centres per class, the nearest of which counts. */
  readonly subCenters?: number | undefined;
  /** Share of the classes that a step looks at (PartialFC). */
  readonly sampleRate?: number | undefined;
  /** Cosine above which another class's logit counts as 0; 1: none does. */
  readonly interclassFilter?: number | undefined;
  readonly labelSmoothing?: number | undefined;
};

/**
 * The fields that each loss reads of its own, with their defaults: those of its paper, or of its authors' code where
 * the paper names none (docs/losses.md).
 */
export const LOSS_DEFAULTS = {
  softmax: {},
  normface: {},
  cosface: { margin: 0.4 },
  arcface: { margin: 0.5, easyMargin: false },
  combined: { marginAngleMultiplier: 1, margin: 0.3, marginCosine: 0.2 },
  sphereface: {
    marginAngleMultiplier: 4,
    sphereLambdaStart: 1000,
    sphereLambdaDecay: 0.12,
    sphereLambdaFloor: 5,
  },
  curricularface: { margin: 0.5, curricularMomentum: 0.01 },
  adaface: { margin: 0.4, adaConcentration: 0.333, adaMomentum: 0.01 },
  magface: {
    easyMargin: true,
    magNormLow: 10,
    magNormHigh: 110,
    magMarginLow: 0.45,
    magMarginHigh: 0.8,
    magRegularizer: 35,
  },
};

export type LossName = keyof typeof LOSS_DEFAULTS;

/** Read by every loss. */
export const SHARED_DEFAULTS: Filled<'sampleRate' | 'labelSmoothing'> = { sampleRate: 1, labelSmoothing: 0 };
/** Read by every loss over cosines. */
export const COSINE_DEFAULTS: Filled<'subCenters' | 'interclassFilter'> = {
  subCenters: 1,
  interclassFilter: 1,
};

export type SettingsOf<L extends LossName> = {
  [F in keyof (typeof LOSS_DEFAULTS)[L]]: Widened<(typeof LOSS_DEFAULTS)[L][F]>;
};
type Widened<T> = T extends number ? number : T extends boolean ? boolean : T;

type Filled<F extends keyof LossSettings> = { readonly [K in F]: NonNullable<LossSettings[K]> };

/** A head's settings with nothing left out that its loss reads, as stored with a model. */
export type HeadSettings = Filled<'loss'> &
  Partial<Filled<Exclude<keyof LossSettings, 'scale'>>> & { readonly scale?: number };

/** Fills in the defaults of the chosen loss, and fits the scale where the loss has one and none is given. */
export function resolveSettings(request: LossSettings, classCount: number): HeadSettings {
  const loss = request.loss ?? 'arcface';
  const defaults = {
    ...SHARED_DEFAULTS,
    ...(loss === 'softmax' ? {} : COSINE_DEFAULTS),
    ...(hasScale(loss) ? { scale: fitScale(classCount) } : {}),
    ...LOSS_DEFAULTS[loss],
  };
  const given = Object.keys(defaults).map((field) => [field, request[field as keyof LossSettings]]);
  const settings = {
    ...defaults,
    ...Object.fromEntries(given.filter(([, value]) => value !== undefined && value !== 'auto')),
  };
  return { loss, ...settings };
}

/** Softmax has logits of its own length, and SphereFace's are as long as the embedding. */
function hasScale(loss: LossName): boolean {
  return loss !== 'softmax' && loss !== 'sphereface';
}
