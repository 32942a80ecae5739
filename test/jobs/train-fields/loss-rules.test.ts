import { describe, expect, it } from 'vitest';
import { checkTrainRequest } from '../../../src/jobs/check-train-request.js';
import type { TrainRequest } from '../../../src/jobs/requests.js';
import {
  COSINE_FIELDS,
  FIELDS_OF_LOSS,
  LOSSES,
  lossFields,
} from '../../../src/jobs/train-fields/loss-fields.js';
import { COSINE_DEFAULTS, LOSS_DEFAULTS, SHARED_DEFAULTS } from '../../../src/ml/heads/head-settings.js';
import { trainRequest } from '../job-requests.js';

const faultsOf = (changes: Partial<TrainRequest>) => checkTrainRequest({ ...trainRequest, ...changes });

describe('a field that the loss does not read is refused by name', () => {
  it.each<[Partial<TrainRequest>, string]>([
    [{ loss: 'softmax', margin: 0.5 }, 'margin'],
    [{ loss: 'softmax', scale: 30 }, 'scale'],
    [{ loss: 'softmax', subCenters: 3 }, 'subCenters'],
    [{ loss: 'softmax', interclassFilter: 0.4 }, 'interclassFilter'],
    [{ loss: 'normface', margin: 0.5 }, 'margin'],
    [{ loss: 'cosface', easyMargin: true }, 'easyMargin'],
    [{ loss: 'arcface', marginCosine: 0.2 }, 'marginCosine'],
    [{ loss: 'arcface', curricularMomentum: 0.1 }, 'curricularMomentum'],
    [{ loss: 'sphereface', scale: 30 }, 'scale'],
    [{ loss: 'magface', margin: 0.5 }, 'margin'],
    [{ loss: 'adaface', magNormLow: 1 }, 'magNormLow'],
  ])('%j', (changes, field) => {
    expect(faultsOf(changes).map((fault) => fault.field)).toEqual([field]);
  });

  it('and the refusal says which loss reads it', () => {
    expect(faultsOf({ loss: 'arcface', marginCosine: 0.2 })).toEqual([
      {
        field: 'marginCosine',
        expected: 'nothing for the loss "arcface", which does not read it; combined would',
        found: '0.2',
      },
    ]);
  });
});

it.each(LOSSES)('%s takes every field that it reads', (loss) => {
  const defaults = {
    ...LOSS_DEFAULTS[loss],
    ...SHARED_DEFAULTS,
    ...(loss === 'softmax' ? {} : COSINE_DEFAULTS),
  };
  expect(faultsOf({ loss, ...defaults })).toEqual([]);
});

it('the fields of each loss are those that its head reads, and each has a schema', () => {
  expect(Object.keys(LOSS_DEFAULTS).sort()).toEqual([...LOSSES].sort());
  for (const loss of LOSSES) {
    const own = FIELDS_OF_LOSS[loss].filter((field) => field !== 'scale');
    expect([...own].sort(), loss).toEqual(Object.keys(LOSS_DEFAULTS[loss]).sort());
    for (const field of own) expect(lossFields).toHaveProperty(field);
  }
  expect([...COSINE_FIELDS].sort()).toEqual(Object.keys(COSINE_DEFAULTS).sort());
  for (const field of Object.keys(SHARED_DEFAULTS)) expect(lossFields).toHaveProperty(field);
});

it('sphereface multiplies the angle by whole numbers', () => {
  expect(faultsOf({ loss: 'sphereface', marginAngleMultiplier: 2 })).toEqual([]);
  expect(faultsOf({ loss: 'sphereface', marginAngleMultiplier: 1.5 })[0]).toMatchObject({
    field: 'marginAngleMultiplier',
    found: '1.5',
  });
  expect(faultsOf({ loss: 'combined', marginAngleMultiplier: 1.5 })).toEqual([]);
});

describe('magface', () => {
  it('has a smallest regulariser: 22.59 at a scale of 64, with its defaults', () => {
    expect(faultsOf({ loss: 'magface', scale: 64, magRegularizer: 22.6 })).toEqual([]);
    expect(faultsOf({ loss: 'magface', scale: 64, magRegularizer: 20 })).toEqual([
      { field: 'magRegularizer', expected: 'at least 22.59, which a scale of 64 asks for', found: '20' },
    ]);
    expect(faultsOf({ loss: 'magface', magRegularizer: 20 })[0]?.field).toBe('magRegularizer');
    expect(faultsOf({ loss: 'magface', scale: 32, magRegularizer: 20 })).toEqual([]);
  });

  it('needs its bounds in order', () => {
    expect(faultsOf({ loss: 'magface', magNormLow: 200 })[0]).toMatchObject({
      field: 'magNormHigh',
      found: '110',
    });
    expect(faultsOf({ loss: 'magface', magMarginHigh: 0.4 })[0]).toMatchObject({ field: 'magMarginHigh' });
  });
});
