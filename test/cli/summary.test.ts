import { expect, it } from 'vitest';
import { describeNextSteps, type SummaryInput, summarise } from '../../src/cli/summary.js';
import { DEFAULT_OPTIONS } from '../../src/jobs/job-options.js';
import type { EvaluateJob, TrainJob } from '../../src/jobs/job-record.js';
import { evaluateRequest, trainRequest } from '../jobs/job-requests.js';

const ID = '01a20d41-0de0-7106-8bc7-23992612459d';
const common = {
  id: ID,
  owner: 'local',
  state: 'succeeded',
  attempt: 1,
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z',
  progress: null,
  metrics: {},
  origin: null,
  options: DEFAULT_OPTIONS,
  dependsOn: null,
  dependants: [] as string[],
  error: null,
} as const;

const training: TrainJob = {
  ...common,
  transitions: [],
  kind: 'train',
  request: { ...trainRequest, learningRate: 0.05, epochs: 6 },
  result: {},
};

function evaluation(threshold: number, result: EvaluateJob['result']): EvaluateJob {
  const request = { ...evaluateRequest(ID), batchSize: 32 };
  return { ...common, transitions: [], kind: 'evaluate', request: { ...request, threshold }, result };
}

function input(overrides: Partial<SummaryInput> = {}): SummaryInput {
  const strangers = { images: 60, rejected: 57 };
  return {
    training,
    plain: evaluation(0, { images: 240, accuracy: 0.875 }),
    thresholded: evaluation(0.9, {
      images: 240,
      accuracyAtThreshold: 0.4,
      coverage: 0.5,
      precisionAtThreshold: 0.8,
      strangers,
    }),
    baseline: 0.625,
    url: null,
    dataDir: 'data/demo',
    seconds: 100.4,
    ...overrides,
  };
}

it('gives each figure under its name, in 60 columns', () => {
  const lines = summarise(input()).split('\n');
  expect(lines.map((line) => line.trim().split(/ {2,}/))).toEqual([
    ['Accuracy, no threshold', '87.5 %'],
    ['Accuracy of mean colours, for comparison', '62.5 %'],
    ['Accuracy at threshold 0.9, temperature 5', '40.0 %'],
    ['share of the test images accepted', '50.0 %'],
    ['share of the accepted ones that are right', '80.0 %'],
    ['Strangers rejected', '57 of 60'],
    ['Test images of known classes', '240'],
    ['Time', '100 s'],
  ]);
  expect(lines.filter((line) => line.length > 60)).toEqual([]);
});

it('leaves strangers out where there were none, and says none of a share of nothing', () => {
  const result = { images: 8, accuracyAtThreshold: 0, coverage: 0, precisionAtThreshold: null };
  const text = summarise(input({ thresholded: evaluation(0.9, result), baseline: null }));
  expect(text).not.toContain('Strangers');
  expect(text).toMatch(/that are right +none\n/);
  expect(text).toMatch(/mean colours, for comparison +none\n/);
});

/** The bodies of the curl lines, as the shell would hand them on. */
function bodies(text: string): unknown[] {
  return [...text.matchAll(/--json '([^']*)'/g)].map(([, body = '']) => JSON.parse(body) as unknown);
}

it('writes curl lines that ask for the same jobs', () => {
  const text = describeNextSteps(input({ url: 'http://127.0.0.1:9000' }));
  expect(bodies(text)).toEqual([
    { dataset: 'demo/train', epochs: 6, batchSize: 16, backbone: 'mobilefacenet', learningRate: 0.05 },
    { dataset: 'demo/test', model: ID, batchSize: 32, threshold: 0.9, temperature: 5 },
  ]);
  expect(text).toContain('curl http://127.0.0.1:9000/jobs/evaluate ');
  expect(text).toContain('Swagger UI: http://127.0.0.1:9000/docs');
  expect(text).not.toContain('npm start');
});

it('tells how to bring the service back when it stops with the demo', () => {
  const text = describeNextSteps(input());
  expect(text).toContain('DATA_DIR=data/demo npm start');
  expect(text).toContain('curl http://127.0.0.1:8080/jobs/train ');
});
