import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { ApiClient } from '../../src/cli/api-client.js';

let server: Server | undefined;
afterEach(() => server?.close());

async function serve(listener: RequestListener): Promise<ApiClient> {
  server = createServer(listener);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return new ApiClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

it('posts what it is given as JSON and returns the job', async () => {
  let received = '';
  const client = await serve(async (request, response) => {
    for await (const chunk of request) received += chunk;
    received = `${request.method} ${request.url} ${request.headers['content-type']} ${received}`;
    response.writeHead(202).end('{"id":"7","state":"queued"}');
  });
  expect(await client.submitTrain({ dataset: 'demo/train', epochs: 2 })).toMatchObject({ id: '7' });
  expect(received).toBe('POST /jobs/train application/json {"dataset":"demo/train","epochs":2}');
});

it('turns a problem document into words', async () => {
  const client = await serve((_, response) => {
    const errors = [{ field: 'epochs', expected: 'an integer', found: '"many"' }];
    response.writeHead(400).end(JSON.stringify({ detail: 'The request is wrong.', errors }));
  });
  await expect(client.submitTrain({ dataset: 'x' })).rejects.toThrow(
    '400 Bad Request: The request is wrong.\n  epochs: expected an integer; found "many"',
  );
});

it('survives an answer that is no problem document', async () => {
  const client = await serve((_, response) => response.writeHead(502).end('<html>'));
  await expect(client.getJob('7')).rejects.toThrow('502 Bad Gateway: no reason was given');
});

it('names the address where nothing answers', async () => {
  const { url } = await serve(() => {});
  await new Promise((done) => server?.close(done));
  await expect(new ApiClient(url).getJob('7')).rejects.toThrow(`${url} does not answer: ECONNREFUSED.`);
});

it('waits until a job has succeeded, telling each look at it', async () => {
  const states = ['queued', 'running', 'succeeded'];
  const client = await serve((_, response) => response.end(JSON.stringify({ state: states.shift() })));
  const seen: string[] = [];
  const job = await client.waitForJob('7', { pollMs: 1, onUpdate: ({ state }) => seen.push(state) });
  expect(job.state).toBe('succeeded');
  expect(seen).toEqual(['queued', 'running', 'succeeded']);
});

it("ends with a failed job's own reason", async () => {
  const job = { kind: 'train', state: 'failed', error: { message: 'Expected images; found none.' } };
  const client = await serve((_, response) => response.end(JSON.stringify(job)));
  await expect(client.waitForJob('7')).rejects.toThrow(
    'The train job 7 failed: Expected images; found none.',
  );
});

it('stops waiting when its signal is aborted', async () => {
  const stopper = new AbortController();
  const { url } = await serve((_, response) => response.end('{"state":"running"}'));
  const waiting = new ApiClient(url, stopper.signal).waitForJob('7', { pollMs: 60_000 });
  setTimeout(() => stopper.abort(), 50);
  await expect(waiting).rejects.toThrow();
});

it('cancels after its signal was aborted, and takes a job that is over for cancelled', async () => {
  const seen: string[] = [];
  const { url } = await serve((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    response.writeHead(seen.length === 1 ? 202 : seen.length === 2 ? 409 : 503).end('{}');
  });
  const client = new ApiClient(url, AbortSignal.abort());
  await client.cancelJob('7');
  await client.cancelJob('7');
  await expect(client.cancelJob('7')).rejects.toThrow('503');
  expect(seen).toEqual(Array(3).fill('POST /jobs/7/cancel'));
});

it('cancels each job that waits or runs, once, and no other', async () => {
  const jobs: Record<string, string[]> = { queued: ['1', '2'], running: ['2', '3'], succeeded: ['4'] };
  const seen: string[] = [];
  const client = await serve((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost');
    if (request.method === 'POST') seen.push(pathname);
    const ids = jobs[searchParams.get('state') ?? ''] ?? [];
    response.end(JSON.stringify({ jobs: ids.map((id) => ({ id })) }));
  });
  expect(await client.cancelUnfinished()).toBe(3);
  expect(seen).toEqual(['/jobs/1/cancel', '/jobs/2/cancel', '/jobs/3/cancel']);
});
