import type { ClassifyReports } from './classify-dataset.js';
import type { EvaluationInputs } from './evaluation-inputs.js';
import type { EvaluationRequest } from './evaluation-request.js';
import type { IdentificationReport } from './identification/identify.js';
import type { VerificationReport } from './verification/verify.js';

/** Changes when a figure of a report is computed in another way. */
export const PROTOCOL_VERSION = 'arcqueue-evaluation/1';

export type ProtocolReports = ClassifyReports & {
  readonly verification: VerificationReport | null;
  readonly identification: IdentificationReport | null;
};

export type EvaluationReport = ReturnType<typeof assembleReport>;

/** What report.json holds: the classification's figures at the top, as ever, and an object for each other protocol. */
export function assembleReport(
  request: EvaluationRequest,
  { dataset, datasetHash, verification, identification }: EvaluationInputs,
  reports: ProtocolReports,
) {
  const { model, protocols, seed, flipTest } = request;
  return {
    protocolVersion: PROTOCOL_VERSION,
    model,
    protocols,
    datasetHash,
    seed,
    skippedImages: dataset?.skipped.length ?? 0,
    skipped: dataset?.skipped ?? [],
    ...(reports.classification ?? {}),
    ...(reports.calibration === null ? {} : { calibration: reports.calibration }),
    ...(reports.verification === null
      ? {}
      : { verification: { pairsFile: verification?.file ?? null, flipTest, ...reports.verification } }),
    ...(reports.identification === null
      ? {}
      : {
          identification: { datasetHash: identification?.datasetHash, flipTest, ...reports.identification },
        }),
  };
}

/** The part of a report that the job's record shows: figures, without lists that grow with the data. */
export function toResult(report: EvaluationReport): Record<string, unknown> {
  return withoutLists(report) as Record<string, unknown>;
}

const LISTS = new Set([
  'perClass',
  'confusion',
  'mostConfused',
  'skipped',
  'slices',
  'curves',
  'histogram',
  'det',
  'perFold',
  'bins',
  'cmc',
]);

function withoutLists(value: unknown): unknown {
  if (Array.isArray(value) || value === null || typeof value !== 'object') return value;
  const kept = Object.entries(value).filter(([name]) => !LISTS.has(name));
  return Object.fromEntries(kept.map(([name, inner]) => [name, withoutLists(inner)]));
}
