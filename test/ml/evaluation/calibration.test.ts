import { describe, expect, it } from 'vitest';
import { CalibrationFit } from '../../../src/ml/evaluation/calibration.js';
import { STRANGER } from '../../../src/ml/evaluation/classification.js';

/** Three of four right with a gap of 2 between the logits: at T = 2 / ln 3 the confidence is 3/4. */
function fitted(strangers: number) {
  const fit = new CalibrationFit(4 + strangers, 2);
  fit.add(Float32Array.of(2, 0, 2, 0), Int32Array.of(0, 0));
  fit.add(Float32Array.of(2, 0, 2, 0), Int32Array.of(0, 1));
  for (let i = 0; i < strangers; i += 1) fit.add(Float32Array.of(2, 0), Int32Array.of(STRANGER));
  return fit;
}

describe('CalibrationFit', () => {
  it('finds temperature, error and threshold as worked by hand', () => {
    const report = fitted(0).report(0.75);
    expect(report.temperature).toBeCloseTo(2 / Math.log(3), 12);
    expect(report.nll.after).toBeCloseTo(-0.75 * Math.log(0.75) - 0.25 * Math.log(0.25), 12);
    expect(report.nll.before).toBeGreaterThan(report.nll.after);
    expect(report.reliability.after.ece).toBeCloseTo(0, 12);
    expect(report.reliability.before.ece).toBeCloseTo(1 / (1 + Math.exp(-2)) - 0.75, 12);
    expect(report.threshold).toBeCloseTo(0.75, 12);
    expect(report).toMatchObject({ images: 4, strangers: 0, reachedPrecision: 0.75, coverage: 1 });
  });

  it('counts strangers as wrong for the threshold, and not at all for the temperature', () => {
    const [without, withOne] = [fitted(0).report(0.6), fitted(1).report(0.6)];
    expect(withOne.temperature).toBe(without.temperature);
    expect(withOne.reliability).toEqual(without.reliability);
    expect(withOne).toMatchObject({ strangers: 1, reachedPrecision: 0.6 });
    expect(fitted(1).report(0.75)).toMatchObject({ threshold: null, reachedPrecision: null, coverage: null });
  });

  it('refuses more logits than memory should hold', () => {
    expect(() => new CalibrationFit(100_000, 10_000)).toThrow(
      'Expected at most 53687 images to calibrate 10000 classes',
    );
  });
});
