import { describe, expect, it } from 'vitest';
import { DEFAULT_OPTIONS, type JobOptions } from '../../src/jobs/job-options.js';
import type { JobRecord } from '../../src/jobs/job-record.js';
import { toStored } from '../../src/jobs/new-job.js';
import { meets } from '../../src/jobs/requirements.js';
import { toJobRecord } from '../../src/jobs/stored-job.js';
import { waitingFor } from '../../src/jobs/waiting-for.js';
import { trainRequest } from './job-requests.js';

const CPU = { device: 'cpu', memoryBytes: 8e9 } as const;
const GPU = { device: 'gpu', memoryBytes: 64e9 } as const;
const NOW = Date.parse('2026-01-01T00:00:00.000Z');

function job(options: Partial<JobOptions> = {}, dependsOn?: string): JobRecord {
  const asked = {
    id: 'job',
    kind: 'train',
    request: trainRequest,
    options: { ...DEFAULT_OPTIONS, ...options },
  } as const;
  const { fields } = toStored(
    { ...asked, ...(dependsOn ? { dependsOn } : {}) },
    '2026-01-01T00:00:00.000Z',
    'test',
  );
  return toJobRecord([Object.entries(fields).flat(), []]);
}
const code = (record: JobRecord, workers: readonly (typeof CPU | typeof GPU)[], hasDependency = false) =>
  waitingFor(record, { workers, nowMs: NOW, hasDependency })?.code ?? null;

describe('what a job needs', () => {
  it.each([
    [undefined, true, true],
    [{}, true, true],
    [{ device: 'gpu' }, false, true],
    [{ device: 'cpu' }, true, false],
    [{ memoryBytes: 8e9 }, true, true],
    [{ memoryBytes: 8e9 + 1 }, false, true],
    [{ device: 'cpu', memoryBytes: 9e9 }, false, false],
  ] as const)('%j: a small cpu worker %s, a large gpu worker %s', (needs, onCpu, onGpu) => {
    expect([meets(CPU, needs), meets(GPU, needs)]).toEqual([onCpu, onGpu]);
  });
});

describe('what a job waits for', () => {
  it('is nothing once it does not wait', () => {
    expect(code({ ...job(), state: 'running' }, [])).toBeNull();
  });

  it('is a worker, one that fits, or its turn', () => {
    expect(code(job(), [])).toBe('any_worker');
    expect(code(job(), [CPU])).toBe('turn');
    expect(code(job({ requirements: { device: 'gpu' } }), [CPU])).toBe('fitting_worker');
    expect(code(job({ requirements: { device: 'gpu' } }), [CPU, GPU])).toBe('turn');
    const { message } = waitingFor(job({ requirements: { device: 'gpu', memoryBytes: 5 } }), {
      workers: [CPU, CPU],
      nowMs: NOW,
      hasDependency: false,
    }) ?? { message: '' };
    expect(message).toBe(
      'A worker with a gpu and 5 bytes of memory; 2 workers are alive, none of them fits.',
    );
  });

  it('is its time, and before that the job that it depends on', () => {
    const later = { startAfter: '2026-01-01T00:00:01.000Z' };
    expect(code(job(later), [CPU])).toBe('start_time');
    expect(code(job({ startAfter: '2025-12-31T00:00:00.000Z' }), [CPU])).toBe('turn');
    expect(code(job(later, 'other'), [CPU])).toBe('job');
    expect(code(job({}, 'other'), [CPU], true)).toBe('turn');
  });
});
