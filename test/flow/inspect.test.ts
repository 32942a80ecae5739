import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Service } from './service.js';
import { QUICK, writeBrokenImage, writeColours } from './tiny-dataset.js';

let service: Service;
beforeAll(async () => {
  service = await Service.start();
  await writeColours(join(service.datasetRoot, 'colours'));
  await writeBrokenImage(join(service.datasetRoot, 'colours'), 'red', 'broken.png');
  service.startWorker();
});
afterAll(() => service.stop());

type Report = { dataset: { hash: string }; skipped: object[] };

describe('an inspection', () => {
  it('goes from HTTP to a result and a report that agree with the training', async () => {
    const request = { dataset: 'colours', testDataset: 'colours', training: { ...QUICK } };
    const response = await service.post('/datasets/inspect', request);
    expect(response.status).toBe(202);
    const { id } = (await response.json()) as { id: string };
    const inspected = await service.reach(id, 'succeeded');
    expect(inspected.result).toMatchObject({
      dataset: { form: 'folders', classes: 3, images: 24, skippedImages: 1 },
      training: { trainable: true, split: { trainingImages: 21, validationImages: 3 } },
      duplicatesAcrossDatasets: { images: 24 },
    });
    const report = await service.json<Report>(`/jobs/${id}/artifacts/report.json`);
    expect(report).toMatchObject(inspected.result ?? {});
    expect(report.skipped).toEqual([{ path: 'red/broken.png', reason: expect.any(String) }]);
    const trained = await service.reach(
      await service.submit('train', { dataset: 'colours', ...QUICK }),
      'succeeded',
    );
    expect(trained.result).toMatchObject({
      trainingImages: 21,
      validationImages: 3,
      warnings: [],
      dataset: { hash: report.dataset.hash, images: 24, skippedImages: 1, duplicates: { groups: 0 } },
      estimate: { steps: 6 },
    });
  });

  it('reads a manifest by the name of its file', async () => {
    const rows = ['red/0.png,warm,train', 'green/0.png,cold,train', 'blue/0.png,cold,test'];
    await writeFile(join(service.datasetRoot, 'colours/list.csv'), `path,label,split\n${rows.join('\n')}\n`);
    const response = await service.post('/datasets/inspect', {
      dataset: 'colours/list.csv',
      training: { batchSize: 2 },
    });
    const { id } = (await response.json()) as { id: string };
    const { result } = await service.reach(id, 'succeeded');
    expect(result).toMatchObject({
      dataset: { form: 'manifest', classes: 2, images: 3 },
      training: { split: { kind: 'manifest', trainingImages: 2, heldOutImages: 1 } },
    });
  });
});
