import type { RequestFault } from '../check-train-request.js';
import type { TrainRequest } from '../requests.js';
import { COSINE_FIELDS, FIELDS_OF_LOSS, type Loss } from './loss-fields.js';

/** MagFace's defaults, and the longest scale that is fitted when none is given: what its λ is held against. */
const MAGFACE = {
  magNormLow: 10,
  magNormHigh: 110,
  magMarginLow: 0.45,
  magMarginHigh: 0.8,
  magRegularizer: 35,
};
const LARGEST_FITTED_SCALE = 64;

/** Fields that the chosen loss does not read, and values of its fields that do not go together. */
export function checkLoss(request: TrainRequest): RequestFault[] {
  return [...checkUnread(request), ...checkSphereface(request), ...checkMagface(request)];
}

function checkUnread(request: TrainRequest): RequestFault[] {
  const { loss } = request;
  const read = new Set([...FIELDS_OF_LOSS[loss], ...(loss === 'softmax' ? [] : COSINE_FIELDS)]);
  const owned = new Set([...Object.values(FIELDS_OF_LOSS).flat(), ...COSINE_FIELDS]);
  const given = Object.entries(request).filter(([field, value]) => owned.has(field) && value !== undefined);
  return given
    .filter(([field]) => !read.has(field))
    .map(([field, value]) => ({
      field,
      expected: `nothing for the loss "${loss}", which does not read it; ${readersOf(field)} would`,
      found: String(value),
    }));
}

function readersOf(field: string): string {
  if ((COSINE_FIELDS as readonly string[]).includes(field)) return 'every loss but softmax';
  const losses = (Object.keys(FIELDS_OF_LOSS) as Loss[]).filter((loss) =>
    FIELDS_OF_LOSS[loss].includes(field),
  );
  return losses.join(', ');
}

function checkSphereface({ loss, marginAngleMultiplier }: TrainRequest): RequestFault[] {
  if (loss !== 'sphereface' || marginAngleMultiplier === undefined) return [];
  if (Number.isInteger(marginAngleMultiplier)) return [];
  const field = 'marginAngleMultiplier';
  return [{ field, expected: 'a whole number for sphereface', found: String(marginAngleMultiplier) }];
}

function checkMagface(request: TrainRequest): RequestFault[] {
  if (request.loss !== 'magface') return [];
  const given = Object.entries(request).filter(([field, value]) => field in MAGFACE && value !== undefined);
  const settings = { ...MAGFACE, ...Object.fromEntries(given) } as typeof MAGFACE;
  const faults: RequestFault[] = [];
  for (const [low, high] of [
    ['magNormLow', 'magNormHigh'],
    ['magMarginLow', 'magMarginHigh'],
  ] as const) {
    if (settings[low] < settings[high]) continue;
    faults.push({
      field: high,
      expected: `more than ${low}, ${settings[low]}`,
      found: String(settings[high]),
    });
  }
  if (faults.length > 0) return faults;
  const scale = typeof request.scale === 'number' ? request.scale : LARGEST_FITTED_SCALE;
  const [low, high] = [settings.magNormLow ** 2, settings.magNormHigh ** 2];
  const growth =
    (settings.magMarginHigh - settings.magMarginLow) / (settings.magNormHigh - settings.magNormLow);
  // The paper's bound: below it an embedding's length has no single optimum. src/ml/heads/magface.ts holds it too.
  const bound = (scale * growth * low * high) / (high - low);
  if (settings.magRegularizer >= bound) return [];
  const expected = `at least ${bound.toFixed(2)}, which a scale of ${scale} asks for`;
  return [{ field: 'magRegularizer', expected, found: String(settings.magRegularizer) }];
}
