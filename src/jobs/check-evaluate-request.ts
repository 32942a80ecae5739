import type { Static } from 'typebox';
import { Value } from 'typebox/value';
import type { RequestFault } from './check-train-request.js';
import { CalibrationSettings } from './evaluate-fields/calibration-fields.js';
import { IdentificationSettings } from './evaluate-fields/identification-fields.js';
import { VerificationSettings } from './evaluate-fields/verification-fields.js';
import type { EvaluateRequest } from './requests.js';

const SETTINGS = {
  calibration: CalibrationSettings,
  verification: VerificationSettings,
  identification: IdentificationSettings,
} as const;
const VERIFICATION_DEFAULTS = Value.Default(VerificationSettings, {}) as Static<typeof VerificationSettings>;
const IDENTIFICATION_DEFAULTS = Value.Default(IdentificationSettings, {}) as Static<
  typeof IdentificationSettings
>;

/** What an evaluation request's fields, each of them valid, say against one another; empty when they make sense together. */
export function checkEvaluateRequest(request: EvaluateRequest): RequestFault[] {
  return [
    ...checkSettings(request),
    ...checkAuto(request),
    ...checkVerification(request),
    ...checkGallery(request),
  ];
}

/** The request with the settings of each protocol that it asks for; those left out get their defaults. */
export function completeEvaluateRequest(request: EvaluateRequest): EvaluateRequest {
  const missing = Object.entries(SETTINGS).filter(
    ([name]) =>
      request.protocols.includes(name as keyof typeof SETTINGS) &&
      request[name as keyof typeof SETTINGS] === undefined,
  );
  const defaults = missing.map(([name, schema]) => [name, Value.Default(schema, {})]);
  return { ...request, ...(Object.fromEntries(defaults) as Partial<EvaluateRequest>) };
}

function checkSettings(request: EvaluateRequest): RequestFault[] {
  const names = Object.keys(SETTINGS) as (keyof typeof SETTINGS)[];
  return names
    .filter((name) => request[name] !== undefined && !request.protocols.includes(name))
    .map((field) => ({
      field,
      expected: `nothing, or "${field}" among the protocols`,
      found: `settings beside the protocols ${request.protocols.join(', ')}`,
    }));
}

function checkAuto({ protocols, threshold, temperature, calibratedBy }: EvaluateRequest): RequestFault[] {
  const isAuto = threshold === 'auto' || temperature === 'auto';
  if (calibratedBy !== undefined && !isAuto) {
    const expected = 'nothing, or "auto" as the threshold or the temperature';
    return [{ field: 'calibratedBy', expected, found: `"${calibratedBy}"` }];
  }
  const fields = Object.entries({ threshold, temperature }).filter(([, value]) => value === 'auto');
  if (protocols.includes('classification')) return [];
  return fields.map(([field]) => ({
    field,
    expected: 'a number, or "classification" among the protocols',
    found: '"auto"',
  }));
}

/** What only drawn pairs have. */
function checkVerification({ verification }: EvaluateRequest): RequestFault[] {
  if (verification?.pairs === undefined) return [];
  const faults: RequestFault[] = [];
  for (const field of ['genuinePairs', 'impostorPairs'] as const) {
    const { [field]: count } = verification;
    if (count === VERIFICATION_DEFAULTS[field]) continue;
    const expected = 'nothing beside a file of pairs, which are all taken';
    faults.push({ field: `verification.${field}`, expected, found: String(count) });
  }
  return faults;
}

/** What only a split dataset has, and folders that make no pair. */
function checkGallery({ identification }: EvaluateRequest): RequestFault[] {
  if (identification === undefined) return [];
  const { gallery, probes } = identification;
  if (gallery === undefined && probes === undefined) return [];
  if (gallery === undefined || probes === undefined) {
    const field = `identification.${gallery === undefined ? 'gallery' : 'probes'}`;
    return [{ field, expected: 'a folder, as the other of gallery and probes is given', found: 'nothing' }];
  }
  const faults: RequestFault[] = [];
  for (const field of ['galleryImages', 'unknownFraction'] as const) {
    const { [field]: value } = identification;
    if (value === IDENTIFICATION_DEFAULTS[field]) continue;
    const expected = 'nothing beside folders of gallery and probes';
    faults.push({ field: `identification.${field}`, expected, found: String(value) });
  }
  return faults;
}
