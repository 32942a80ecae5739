import { readFileSync } from 'node:fs';
import { expect } from 'vitest';

/** Cases that scripts/fixtures/make_metric_fixtures.py wrote, with what scikit-learn and SciPy make of them. */
export function fixtureCases<Case>(name: string): Case[] {
  const url = new URL(`../../../fixtures/metrics/${name}.json`, import.meta.url);
  return (JSON.parse(readFileSync(url, 'utf8')) as { cases: Case[] }).cases;
}

/** Equal to 1e-9, value by value; null nowhere. */
export function expectClose(found: ArrayLike<number | null>, expected: ArrayLike<number>): void {
  expect(found.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i += 1) {
    expect(Math.abs((found[i] as number) - (expected[i] as number)), `value ${i}`).toBeLessThanOrEqual(1e-9);
  }
}
