import { Type } from 'typebox';
import type { ModelCatalog } from '../../artifacts/model-catalog.js';
import { maySeeArtifacts } from '../find-job.js';
import type { Caller } from '../keys/caller.js';
import { fieldProblem } from '../problem.js';

/** The rate that a threshold is taken at unless the request names another. */
const DEFAULT_FAR = 1e-3;

/** Which threshold decides; all may be left out. */
export const thresholdQuery = {
  threshold: Type.Optional(
    Type.Number({
      minimum: -1,
      maximum: 1,
      description: 'Cosine at or above which two images show the same.',
    }),
  ),
  evaluation: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 64,
      pattern: '^[A-Za-z0-9-]+$',
      description: 'Verification of the model that the threshold is taken from. Left out: its newest.',
    }),
  ),
  far: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 1,
      examples: [0.001],
      description:
        'One of the rates that a verification reports, 0.1 to 0.000001: the false accept rate that the threshold keeps. Left out: 0.001, or the equal error rate where the evaluation has too few pairs for it.',
    }),
  ),
};

export const ThresholdView = Type.Object({
  cosine: Type.Union([Type.Number(), Type.Null()], {
    description: 'Null where neither the request nor an evaluation of the model gives one.',
  }),
  squaredL2: Type.Union([Type.Number(), Type.Null()]),
  from: Type.Enum(['request', 'evaluation', 'nowhere']),
  evaluation: Type.Union([Type.String(), Type.Null()]),
  rule: Type.Union([Type.Enum(['far', 'eer']), Type.Null()]),
  far: Type.Union([Type.Number(), Type.Null()]),
});

export type MatchThreshold = {
  cosine: number | null;
  squaredL2: number | null;
  from: 'request' | 'evaluation' | 'nowhere';
  evaluation: string | null;
  rule: 'far' | 'eer' | null;
  far: number | null;
};

type Query = {
  readonly model: string;
  readonly threshold?: number | undefined;
  readonly evaluation?: string | undefined;
  readonly far?: number | undefined;
};
type Verification = {
  readonly tarAtFar?: readonly { readonly far: number; readonly threshold: number | null }[];
  readonly eer?: { readonly threshold: number } | null;
};

/** The threshold of a request for a model. @throws Problem 400 when what it names gives none */
export async function findThreshold(
  catalog: ModelCatalog,
  caller: Caller,
  { model, threshold, evaluation, far }: Query,
): Promise<MatchThreshold> {
  if (threshold !== undefined) {
    for (const [field, value] of Object.entries({ evaluation, far })) {
      if (value !== undefined) throw fieldProblem(field, 'nothing beside a threshold', String(value));
    }
    return describe(threshold, { from: 'request', evaluation: null, rule: null, far: null });
  }
  const made = await catalog.evaluationsOf(model);
  const found = made.find(
    (manifest) =>
      manifest.result.verification !== undefined &&
      (evaluation === undefined || manifest.jobId === evaluation) &&
      maySeeArtifacts(caller, manifest),
  );
  if (found === undefined) {
    if (evaluation !== undefined)
      throw fieldProblem('evaluation', 'a finished verification of this model', `"${evaluation}"`);
    if (far !== undefined)
      throw fieldProblem('far', 'nothing, while the model has no verification', String(far));
    return describe(null, { from: 'nowhere', evaluation: null, rule: null, far: null });
  }
  const source = { from: 'evaluation', evaluation: found.jobId } as const;
  const { tarAtFar = [], eer = null } = found.result.verification as Verification;
  const wanted = far ?? DEFAULT_FAR;
  const cosine = tarAtFar.find((entry) => entry.far === wanted)?.threshold ?? null;
  if (cosine !== null) return describe(cosine, { ...source, rule: 'far', far: wanted });
  if (far !== undefined || eer === null)
    throw fieldProblem('far', 'a rate that the evaluation has enough impostor pairs for', String(wanted));
  return describe(eer.threshold, { ...source, rule: 'eer', far: null });
}

function describe(
  cosine: number | null,
  source: Pick<MatchThreshold, 'from' | 'evaluation' | 'rule' | 'far'>,
): MatchThreshold {
  return { cosine, squaredL2: cosine === null ? null : squaredL2OfCosine(cosine), ...source };
}

/** ‖a − b‖² = 2 − 2 a·b of unit vectors. */
export function squaredL2OfCosine(cosine: number): number {
  return 2 - 2 * cosine;
}
