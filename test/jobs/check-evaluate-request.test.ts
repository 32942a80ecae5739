import { describe, expect, it } from 'vitest';
import { checkEvaluateRequest, completeEvaluateRequest } from '../../src/jobs/check-evaluate-request.js';
import type { EvaluateRequest } from '../../src/jobs/requests.js';
import { evaluateRequest } from './job-requests.js';

const request = (changes: Partial<EvaluateRequest>) => ({ ...evaluateRequest('m'), ...changes });
const all: EvaluateRequest['protocols'] = ['classification', 'calibration', 'verification', 'identification'];
const complete = completeEvaluateRequest(request({ protocols: all }));
const verification = complete.verification as NonNullable<EvaluateRequest['verification']>;
const identification = complete.identification as NonNullable<EvaluateRequest['identification']>;

describe('completeEvaluateRequest', () => {
  it('gives each protocol its settings, and no other', () => {
    expect(verification).toMatchObject({
      genuinePairs: 3000,
      folds: 10,
      shuffleFolds: false,
      confidenceLevel: 0.95,
    });
    expect(identification).toEqual({ galleryImages: 1, unknownFraction: 0, templateRule: 'mean' });
    expect(complete.calibration).toEqual({ precision: 0.99 });
    expect(completeEvaluateRequest(request({}))).toEqual(request({}));
  });

  it('keeps settings that are given', () => {
    const given = { ...verification, folds: 5 };
    expect(
      completeEvaluateRequest(request({ protocols: ['verification'], verification: given })).verification,
    ).toBe(given);
  });
});

describe('checkEvaluateRequest', () => {
  it.each<[string, Partial<EvaluateRequest>]>([
    ['the defaults', {}],
    ['every protocol', complete],
    ['a file of pairs', { protocols: all, verification: { ...verification, pairs: 'pairs.csv' } }],
    ['two folders', { protocols: all, identification: { ...identification, gallery: 'g', probes: 'p' } }],
    ['auto', { threshold: 'auto', calibratedBy: 'x' }],
  ])('finds nothing wrong with %s', (_, changes) => {
    expect(checkEvaluateRequest(request(changes))).toEqual([]);
  });

  it.each<[string, Partial<EvaluateRequest>]>([
    ['verification', { verification }],
    ['identification', { identification }],
    ['calibration', { calibration: { precision: 0.9 } }],
    ['calibratedBy', { calibratedBy: 'x' }],
    ['threshold', { threshold: 'auto', protocols: ['verification'] }],
    ['temperature', { temperature: 'auto', protocols: ['calibration'] }],
    [
      'verification.genuinePairs',
      { protocols: all, verification: { ...verification, pairs: 'p.csv', genuinePairs: 5 } },
    ],
    [
      'verification.impostorPairs',
      { protocols: all, verification: { ...verification, pairs: 'p.csv', impostorPairs: 5 } },
    ],
    ['identification.probes', { protocols: all, identification: { ...identification, gallery: 'g' } }],
    ['identification.gallery', { protocols: all, identification: { ...identification, probes: 'p' } }],
    [
      'identification.galleryImages',
      { protocols: all, identification: { ...identification, gallery: 'g', probes: 'p', galleryImages: 2 } },
    ],
    [
      'identification.unknownFraction',
      {
        protocols: all,
        identification: { ...identification, gallery: 'g', probes: 'p', unknownFraction: 0.5 },
      },
    ],
  ])('refuses by %s', (field, changes) => {
    expect(checkEvaluateRequest(request(changes)).map((fault) => fault.field)).toEqual([field]);
  });
});
