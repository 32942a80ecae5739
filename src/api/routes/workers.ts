import { Type } from 'typebox';
import { WorkerRegistry, WorkerReport } from '../../jobs/worker-registry.js';
import type { Api, ApiContext } from '../api-context.js';
import { json, problems } from '../responses.js';

const WorkerList = Type.Object(
  { workers: Type.Array(WorkerReport) },
  {
    examples: [
      {
        workers: [
          {
            id: 'gpu-3-4121',
            host: 'gpu-3',
            startedAt: '2026-01-02T03:00:00.000Z',
            heartbeatAt: '2026-01-02T03:04:05.678Z',
            device: 'gpu',
            memoryBytes: 67_000_000_000,
            freeMemoryBytes: 40_000_000_000,
            job: null,
          },
        ],
      },
    ],
  },
);

export function workerRoutes(app: Api, { redis, queuePrefix }: ApiContext): void {
  const registry = new WorkerRegistry(redis, queuePrefix);
  app.get(
    '/workers',
    {
      config: { scope: 'admin' },
      schema: {
        tags: ['workers'],
        summary: 'The workers that are alive',
        description: 'A worker reports every 5 s; one that has not for 15 s is left out.',
        response: { 200: json(WorkerList, 'The workers, by id.'), ...problems(500, 503) },
      },
    },
    async () => ({ workers: await registry.list() }),
  );
}
