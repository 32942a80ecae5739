import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { v7 as uuidV7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStaging, publishArtifacts } from '../../../src/artifacts/publish.js';
import { decodeImage } from '../../../src/ml/data/decode-image.js';
import { writeNormalised } from '../../../src/ml/data/normalise.js';
import { Embedder } from '../../../src/ml/embedder/embedder.js';
import { writeFreshModel } from '../../ml/export/fresh-model.js';
import { type ApiFixture, startApiFixture } from '../api-fixture.js';
import { publishEvaluation } from './published.js';

let api: ApiFixture;
let model: string;
const COLOURS = { red: '#c02010', green: '#10c020', blue: '#2010c0' } as const;
type Colour = keyof typeof COLOURS;
const files = {} as Record<Colour, Buffer>;

beforeAll(async () => {
  api = await startApiFixture();
  model = uuidV7();
  const attempt = { jobId: model, attempt: 1 };
  await writeFreshModel(await openStaging(api.artifactsDir, attempt), 'mobilefacenet');
  await publishArtifacts(api.artifactsDir, { ...attempt, kind: 'train', result: {}, provenance: {} });
  await mkdir(join(api.datasetRoot, 'demo/test/a'), { recursive: true });
  for (const [name, background] of Object.entries(COLOURS)) {
    const create = { width: 40, height: 40, channels: 3 as const, background };
    const stripe = { create: { width: 20, height: 9, channels: 3 as const, background: 'white' } };
    const image = sharp({ create }).composite([{ input: stripe, left: name.length, top: 5 }]);
    files[name as Colour] = await image.png().toBuffer();
    await writeFile(join(api.datasetRoot, `demo/test/a/${name}.png`), files[name as Colour]);
  }
}, 60_000);
afterAll(() => api.stop());

type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';
const ask = async (method: Method, path: string, payload?: object) => {
  const url = `/models/${model}${path}`;
  const response = await api.app.inject({ method, url, ...(payload ? { payload } : {}) });
  return { status: response.statusCode, body: response.body === '' ? null : response.json() };
};
const at = (...names: Colour[]) => ({ images: names.map((name) => `demo/test/a/${name}.png`) });

async function sendForm(path: string, parts: readonly (readonly [field: string, content: Buffer])[]) {
  const form = new FormData();
  for (const [field, content] of parts)
    form.append(field, new Blob([new Uint8Array(content)]), `${field}.png`);
  const request = new Request('http://x', { method: 'POST', body: form });
  const headers = { 'content-type': request.headers.get('content-type') ?? '' };
  const payload = Buffer.from(await request.arrayBuffer());
  const response = await api.app.inject({ method: 'POST', url: `/models/${model}${path}`, headers, payload });
  return { status: response.statusCode, body: response.json() };
}

async function expectedEmbedding(name: Colour, flips: readonly boolean[]): Promise<number[]> {
  const embedder = await Embedder.open(join(api.artifactsDir, model));
  const pixels = await decodeImage(files[name], 112);
  const input = new Float32Array(112 * 112 * 3);
  const sum = new Array<number>(embedder.embeddingSize).fill(0);
  for (const flip of flips) {
    writeNormalised(pixels, input, 112, flip);
    for (const [i, value] of embedder.embed(input, 1).entries()) sum[i] = (sum[i] as number) + value;
  }
  const length = Math.hypot(...sum);
  return sum.map((value) => value / length);
}

function expectClose(found: readonly number[], expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length);
  for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[i] as number, 6);
}

describe('POST /models/:model/embed', () => {
  it('gives the unit embeddings of the network, by path and by form', async () => {
    const { status, body } = await ask('POST', '/embed', at('red', 'blue'));
    expect([status, body.size, body.length]).toEqual([200, 8, 1]);
    expectClose(body.images[0].embedding, await expectedEmbedding('red', [false]));
    expectClose(body.images[1].embedding, await expectedEmbedding('blue', [false]));
    const form = await sendForm('/embed', [
      ['images', files.red],
      ['images', files.blue],
    ]);
    expect(form.body.images.map((image: { embedding: number[] }) => image.embedding)).toEqual(
      body.images.map((image: { embedding: number[] }) => image.embedding),
    );
  });

  it('adds the mirrored image where asked', async () => {
    const { body } = await ask('POST', '/embed?flipTest=true', at('red'));
    expectClose(body.images[0].embedding, await expectedEmbedding('red', [false, true]));
  });

  it('gives an image the same bits in any company of requests', async () => {
    const [alone] = (await ask('POST', '/embed', at('green'))).body.images;
    const names: Colour[] = ['red', 'green', 'blue', 'green', 'red', 'green'];
    const together = await Promise.all(names.map((name) => ask('POST', '/embed', at(name))));
    for (const [i, { body }] of together.entries()) {
      if (names[i] === 'green') expect(body.images[0].embedding).toEqual(alone.embedding);
    }
  });

  it('names the image that cannot be read, and answers the others', async () => {
    const broken = sendForm('/embed', [
      ['images', files.red],
      ['images', Buffer.from('no image')],
    ]);
    const [bad, good] = await Promise.all([broken, ask('POST', '/embed', at('red'))]);
    expect([bad.status, good.status]).toEqual([400, 200]);
    expect(bad.body.detail).toContain('images.png');
  });

  it.each([
    ['a path out of the root', { images: ['../secret.png'] }],
    ['a link out of the root', { images: ['way-out/artifacts'] }],
    ['a file that is not there', { images: ['demo/test/a/none.png'] }],
    ['no image', { images: [] }],
    ['another field', { images: ['demo/test/a/red.png'], threshold: 1 }],
  ])('refuses %s', async (_, payload) => {
    const { status, body } = await ask('POST', '/embed', payload);
    expect([status, JSON.stringify(body).includes(api.artifactsDir)]).toEqual([400, false]);
  });

  it('refuses a model that is not there', async () => {
    const response = await api.app.inject({ method: 'POST', url: '/models/none/embed', payload: at('red') });
    expect(response.statusCode).toBe(404);
  });
});

describe('POST /models/:model/verify', () => {
  const pair = (left: Colour, right: Colour) => {
    return { left: `demo/test/a/${left}.png`, right: `demo/test/a/${right}.png` };
  };

  it('gives cosine and squared distance, and decides by the threshold that is named', async () => {
    const [a, b] = [await expectedEmbedding('red', [false]), await expectedEmbedding('blue', [false])];
    const cosine = a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
    const { body } = await ask('POST', `/verify?threshold=${cosine - 0.01}`, pair('red', 'blue'));
    expect(body.cosine).toBeCloseTo(cosine, 6);
    expect(body.squaredL2).toBeCloseTo(2 - 2 * cosine, 6);
    expect(body).toMatchObject({ decision: 'same', threshold: { from: 'request' } });
    const above = await ask('POST', `/verify?threshold=${cosine + 0.01}`, pair('red', 'blue'));
    expect(above.body.decision).toBe('different');
    const form = await sendForm('/verify', [
      ['right', files.blue],
      ['left', files.red],
    ]);
    expect(form.body).toMatchObject({ cosine: body.cosine, decision: 'unknown' });
    expect((await sendForm('/verify', [['left', files.red]])).status).toBe(400);
  });

  it('decides by a verification of the model, at the false accept rate that is asked for', async () => {
    const verification = {
      tarAtFar: [
        { far: 0.1, threshold: -1 },
        { far: 0.001, threshold: null },
      ],
      eer: { threshold: 0.9999999 },
    };
    const evaluation = await publishEvaluation(api.artifactsDir, model, {
      protocols: ['verification'],
      verification,
    });
    const byEer = await ask('POST', '/verify', pair('red', 'blue'));
    expect(byEer.body.threshold).toMatchObject({ evaluation, rule: 'eer', cosine: 0.9999999 });
    const byFar = await ask('POST', `/verify?far=0.1&evaluation=${evaluation}`, pair('red', 'blue'));
    expect(byFar.body).toMatchObject({ decision: 'same', threshold: { rule: 'far', far: 0.1 } });
    expect((await ask('POST', '/verify?far=0.001', pair('red', 'blue'))).status).toBe(400);
    expect((await ask('POST', '/verify?evaluation=none', pair('red', 'blue'))).status).toBe(400);
  });
});

describe('galleries', () => {
  const people = '/galleries/people/identities';
  const identify = (name: Colour, query = '') =>
    ask('POST', `/identify?gallery=people&threshold=0.9999${query}`, at(name));
  /** Whether the bytes of an embedding are in any file under the artifact folder. */
  async function isStored(embedding: readonly number[]): Promise<boolean> {
    const wanted = Buffer.from(Float32Array.from(embedding).buffer);
    const entries = await readdir(api.artifactsDir, { recursive: true, withFileTypes: true });
    for (const entry of entries.filter((each) => each.isFile())) {
      if ((await readFile(join(entry.parentPath, entry.name))).includes(wanted)) return true;
    }
    return false;
  }

  it('identify the nearest, and say unknown below the threshold', async () => {
    expect((await identify('red')).status).toBe(400);
    expect((await ask('PUT', `${people}/Ms%20Red`, at('red'))).status).toBe(201);
    expect((await ask('PUT', `${people}/cold`, at('green', 'blue'))).status).toBe(201);
    const red = (await identify('red', '&count=1')).body.images[0];
    expect(red).toMatchObject({ decision: 'identified', identity: 'Ms Red' });
    expect(red.candidates).toHaveLength(1);
    expect(red.candidates[0].cosine).toBeCloseTo(1, 6);
    const blue = (await identify('blue')).body.images[0];
    expect(blue.candidates.map(({ identity }: { identity: string }) => identity)).toEqual(['cold', 'Ms Red']);
    await ask('DELETE', `${people}/cold`);
    expect((await identify('blue')).body.images[0]).toMatchObject({ decision: 'unknown', identity: null });
    expect((await ask('GET', '/galleries')).body).toEqual({ galleries: ['people'] });
  });

  it('forget an identity that is replaced or deleted, to the byte', async () => {
    const [red, green] = (await ask('POST', '/embed', at('red', 'green'))).body.images.map(
      (image: { embedding: number[] }) => image.embedding,
    );
    expect((await ask('PUT', `${people}/x`, at('green'))).status).toBe(201);
    expect(await isStored(green)).toBe(true);
    expect((await ask('PUT', `${people}/x`, at('blue'))).status).toBe(200);
    expect(await isStored(green)).toBe(false);
    expect((await ask('GET', `${people}/x`)).body).toMatchObject({ identity: 'x', images: 1 });
    expect((await ask('DELETE', `${people}/x`)).status).toBe(204);
    expect((await ask('DELETE', `${people}/x`)).status).toBe(404);
    expect((await ask('GET', `${people}/x`)).status).toBe(404);
    expect((await identify('blue')).body.images[0].candidates).toHaveLength(1);
    expect(await isStored(red)).toBe(true);
    expect((await ask('DELETE', '/galleries/people')).status).toBe(204);
    expect(await isStored(red)).toBe(false);
    expect((await ask('GET', '/galleries/people')).status).toBe(404);
  });
});
