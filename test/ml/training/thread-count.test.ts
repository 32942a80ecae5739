import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runStepsInChild } from './steps-in-child.js';

const ml = join(import.meta.dirname, '../../../dist/ml');

// Between them the two networks run every kernel, and their largest maps are cut into several parts.
describe.each(['mobilefacenet', 'iresnet18'])('three steps of %s', (architecture) => {
  it('give the same losses and weights, bit by bit, with 1, 2 and 5 threads', async () => {
    const one = await runStepsInChild({ ml, architecture, threads: 1 });
    expect(one.losses.every(Number.isFinite)).toBe(true);
    expect(new Set(one.losses).size).toBe(3);
    for (const threads of [2, 5]) {
      const more = await runStepsInChild({ ml, architecture, threads });
      // Else the setting had no effect, and equal results would say nothing.
      expect(more.threads).toBe(one.threads + threads - 1);
      expect({ losses: more.losses, weights: more.weights }).toEqual({
        losses: one.losses,
        weights: one.weights,
      });
    }
  }, 120_000);
});
