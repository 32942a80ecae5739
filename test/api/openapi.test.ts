import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { renderOpenApi } from '../../src/api/render-openapi.js';

const committed = new URL('../../openapi/openapi.json', import.meta.url);

type Operation = {
  responses: Record<string, { content?: Record<string, unknown> }>;
  requestBody?: { content: Record<string, { example?: unknown; examples?: unknown }> };
};

describe('openapi/openapi.json', () => {
  it('is what the routes say; run `npm run openapi` when it is not', async () => {
    expect(await readFile(committed, 'utf8')).toBe(await renderOpenApi());
  });

  it('documents every error as a problem document, and every body with an example', async () => {
    const { paths } = JSON.parse(await readFile(committed, 'utf8')) as {
      paths: Record<string, Record<string, Operation>>;
    };
    const operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, operation })),
    );
    expect(operations.map(({ name }) => name).sort()).toEqual([
      'delete /jobs/{id}',
      'delete /keys/{id}',
      'delete /models/aliases/{alias}',
      'delete /models/{model}',
      'delete /models/{model}/galleries/{name}',
      'delete /models/{model}/galleries/{name}/identities/{identity}',
      'get /healthz',
      'get /jobs',
      'get /jobs/{id}',
      'get /jobs/{id}/artifacts',
      'get /jobs/{id}/artifacts/{name}',
      'get /jobs/{id}/events',
      'get /jobs/{id}/logs',
      'get /jobs/{id}/metrics',
      'get /keys',
      'get /metrics',
      'get /models',
      'get /models/aliases',
      'get /models/compare',
      'get /models/{model}',
      'get /models/{model}/galleries',
      'get /models/{model}/galleries/{name}',
      'get /models/{model}/galleries/{name}/identities/{identity}',
      'get /readyz',
      'get /workers',
      'patch /models/{model}',
      'post /datasets/inspect',
      'post /jobs/evaluate',
      'post /jobs/train',
      'post /jobs/{id}/cancel',
      'post /jobs/{id}/clone',
      'post /jobs/{id}/pause',
      'post /jobs/{id}/resume',
      'post /jobs/{id}/retry',
      'post /keys',
      'post /models/{model}/check',
      'post /models/{model}/embed',
      'post /models/{model}/identify',
      'post /models/{model}/verify',
      'put /models/aliases/{alias}',
      'put /models/{model}/galleries/{name}/identities/{identity}',
    ]);
    for (const { name, operation } of operations) {
      for (const [status, { content }] of Object.entries(operation.responses)) {
        if (Number(status) >= 400)
          expect([name, Object.keys(content ?? {})]).toEqual([name, ['application/problem+json']]);
      }
      const body = operation.requestBody?.content['application/json'];
      if (operation.requestBody)
        expect([name, body?.example ?? body?.examples]).not.toEqual([name, undefined]);
    }
  });
});
