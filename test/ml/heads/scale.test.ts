import { describe, expect, it } from 'vitest';
import { resolveSettings } from '../../../src/ml/heads/head-settings.js';
import { fitScale } from '../../../src/ml/heads/scale.js';

describe('the fitted scale', () => {
  it('lets a perfect image reach a confidence of 0.99 at temperature 5', () => {
    const classes = 12;
    const perTemperature = fitScale(classes) / 5;
    const others = (classes - 1) * Math.exp((-perTemperature * 1) / (classes - 1));
    expect(Math.exp(perTemperature) / (Math.exp(perTemperature) + others)).toBeCloseTo(0.99, 3);
  });

  it('keeps to its bounds', () => {
    expect(fitScale(2)).toBeGreaterThanOrEqual(10);
    expect(fitScale(1)).toBe(11.49);
    expect(fitScale(1_000_000)).toBe(64);
  });
});

it.each([undefined, 'auto'] as const)('is taken where the scale asked for is %s', (scale) => {
  expect(resolveSettings({ scale }, 12).scale).toBe(fitScale(12));
});
