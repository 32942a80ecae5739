import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Service } from './service.js';
import { QUICK, writeColours } from './tiny-dataset.js';

let service: Service;
let model: string;
beforeAll(async () => {
  service = await Service.start();
  await writeColours(join(service.datasetRoot, 'colours'));
  service.startWorker();
  model = await service.submit('train', { dataset: 'colours', ...QUICK });
  await service.reach(model, 'succeeded');
});
afterAll(() => service.stop());

async function evaluate(request: object) {
  const id = await service.submit('evaluate', { model, dataset: 'colours', ...request });
  return service.reach(id, 'succeeded');
}

it('verifies, identifies and calibrates over HTTP, and takes the calibration for auto', async () => {
  const job = await evaluate({
    protocols: ['calibration', 'verification', 'identification'],
    calibration: { precision: 0.5 },
  });
  const { artifacts } = await service.json<{ artifacts: { name: string }[] }>(`/jobs/${job.id}/artifacts`);
  const names = artifacts.map(({ name }) => name);
  for (const name of [
    'calibration.json',
    'report.json',
    'report.html',
    'roc.svg',
    'scores.csv',
    'searches.csv',
  ]) {
    expect(names).toContain(name);
  }
  expect(job.result).toMatchObject({
    model,
    verification: { genuinePairs: 84, impostorPairs: 192 },
    identification: { galleryIdentities: 3, probes: 21 },
  });
  type Calibration = { temperature: number; threshold: number };
  const { temperature, threshold } = await service.json<Calibration>(
    `/jobs/${job.id}/artifacts/calibration.json`,
  );
  const auto = await evaluate({ temperature: 'auto', threshold: 'auto', calibratedBy: job.id });
  expect(auto.result).toMatchObject({ temperature, threshold });
});
