// npm run fuzz -- --requests N --seed N: sends right and wrong requests, made from openapi/openapi.json, to a service of its
// own. No answer may be a 5xx, have a status or a content type that the document lacks, or differ from its schema.

import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import pino from 'pino';
import { fitting, odd, pick, randomFrom, spoilt } from './generate.mjs';

/** @typedef {Record<string, any>} Operation */

// By name, so that the type checker reads the sources and not what they were compiled to.
const load = (/** @type {string} */ name) => import(new URL(`../../dist/${name}`, import.meta.url).href);
const { startApi } = await load('api/start-api.js');
const { startEmbeddedRedis } = await load('embedded-redis.js');

const AT_ONCE = 8;
const SHOWN = 20;
const { values } = parseArgs({
  options: { requests: { type: 'string', default: '20000' }, seed: { type: 'string', default: '1' } },
});
const random = randomFrom(Number(values.seed));
const total = Number(values.requests);

const document = JSON.parse(await readFile(new URL('../../openapi/openapi.json', import.meta.url), 'utf8'));
const ajv = new Ajv2020({ strict: false, allErrors: false });
/** @type {any} */ (addFormats)(ajv);
ajv.addSchema(document, 'api');

/** @type {{ method: string, path: string, operation: Operation }[]} */
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(/** @type {Record<string, Operation>} */ (methods)).map(([method, operation]) => {
    return { method, path, operation };
  }),
);
/** Names seen in answers, so that requests meet what is there. @type {string[]} */
const seen = ['01a20d41-0de0-7106-8bc7-23992612459d'];
/** @type {Map<number, number>} */
const statuses = new Map();
/** @type {Map<string, { count: number, example: string }>} */
const faults = new Map();

const dir = await mkdtemp(join(tmpdir(), 'arcqueue-fuzz-'));
const folders = { datasetRoot: join(dir, 'datasets'), artifactsDir: join(dir, 'artifacts') };
for (const name of ['demo/train', 'demo/test']) {
  await mkdir(join(folders.datasetRoot, name), { recursive: true });
}
await mkdir(folders.artifactsDir);
const redis = await startEmbeddedRedis(join(dir, 'redis'));
const logger = pino({ level: 'silent' });
const api = await startApi({
  ...folders,
  redisUrl: redis.url,
  host: '127.0.0.1',
  port: 0,
  auth: 'off',
  logger,
});
try {
  let sent = 0;
  const work = async () => {
    while (sent < total) {
      sent += 1;
      await sendOne(pick(operations, random));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
} finally {
  await api.close();
  await redis.stop();
  await rm(dir, { recursive: true, maxRetries: 5 });
}

const counts = [...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`);
console.log(
  `${total} requests to ${operations.length} operations, seed ${values.seed}; ${counts.join(', ')}`,
);
for (const [fault, { count, example }] of [...faults].slice(0, SHOWN)) {
  console.log(`FAULT ${count} × ${fault}\n      ${example}`);
}
console.log(`${faults.size} kinds of fault`);
process.exitCode = faults.size > 0 ? 1 : 0;

/** @param {(typeof operations)[number]} target */
async function sendOne({ method, path, operation }) {
  const { url, init } = makeRequest(method, path, operation);
  const response = await fetch(api.url + url, { ...init, signal: AbortSignal.timeout(30_000) });
  const type = (response.headers.get('content-type') ?? '').split(';', 1)[0] ?? '';
  statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
  const isStream = type === 'text/event-stream' || type === 'application/x-ndjson';
  if (isStream) await response.body?.cancel();
  const body = isStream ? '' : await response.text();
  const fault = findFault({ path, method, operation }, { status: response.status, type, body });
  if (fault === null) return;
  const name = `${method.toUpperCase()} ${path}: ${fault}`;
  const example = `${url} ${String(init.body ?? '').slice(0, 300)} → ${body.slice(0, 300)}`;
  faults.set(name, {
    count: (faults.get(name)?.count ?? 0) + 1,
    example: faults.get(name)?.example ?? example,
  });
}

/**
 * @param {string} method
 * @param {string} path
 * @param {Operation} operation
 */
function makeRequest(method, path, operation) {
  const isWrong = random(2) === 0;
  /** @type {Record<string, string>} */
  const headers = {};
  const query = new URLSearchParams();
  let url = path;
  for (const { name, in: place, schema, required } of operation.parameters ?? []) {
    if (place !== 'path' && !required && random(2) === 0) continue;
    const isOdd = isWrong && random(3) === 0;
    const value = isOdd
      ? odd(random)
      : place === 'path' && random(4) > 0
        ? pick(seen, random)
        : fitting(schema, random);
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
    if (place === 'path')
      url = url.replace(`{${name}}`, encodeURIComponent(text.replace(/\p{Surrogate}/gu, '')) || 'x');
    else if (place === 'query') query.append(name, text);
    else if (/^[\x21-\x7e]{1,200}$/.test(text)) headers[name] = text;
  }
  if (isWrong && random(10) === 0) query.append(`x${random(9)}`, 'y');
  const text = [...query].length > 0 ? `${url}?${query}` : url;
  const schema = operation.requestBody?.content?.['application/json']?.schema;
  if (schema === undefined) return { url: text, init: { method: method.toUpperCase(), headers } };
  const value = fitting(schema, random);
  headers['content-type'] = isWrong && random(10) === 0 ? 'text/plain' : 'application/json';
  const body = JSON.stringify(isWrong ? spoilt(value, random) : value);
  const cut = isWrong && random(10) === 0 ? body.slice(0, random(body.length + 1)) : body;
  return { url: text, init: { method: method.toUpperCase(), headers, body: cut } };
}

/**
 * @param {(typeof operations)[number]} target
 * @param {{ status: number, type: string, body: string }} answer
 * @returns {string | null}
 */
function findFault({ path, method, operation }, { status, type, body }) {
  if (status >= 500) return `answers ${status}`;
  const documented = operation.responses[status];
  if (documented === undefined) return `answers ${status}, which is not documented`;
  if (documented.content === undefined)
    return body === '' ? null : `answers ${status} with a body that is not documented`;
  const content = documented.content[type];
  if (content === undefined) {
    return 'application/octet-stream' in documented.content
      ? null
      : `answers ${status} as ${type}, which is not documented`;
  }
  if (type !== 'application/json' && type !== 'application/problem+json') return null;
  const part = [path, method, 'responses', status, 'content', type, 'schema'].map(toPointer).join('/');
  const validate = ajv.getSchema(`api#/paths/${part}`);
  if (validate === undefined) return `answers ${status} by a schema that cannot be read`;
  if (body === '') return `answers ${status} as ${type} without a body`;
  const value = JSON.parse(body);
  remember(value);
  if (validate(value)) return null;
  const [error] = validate.errors ?? [];
  return `answers ${status} with ${error?.instancePath} that ${error?.message}`;
}

/** @param {any} value */
function remember(value) {
  for (const each of [value, ...(value.jobs ?? []), ...(value.keys ?? [])]) {
    if (typeof each?.id === 'string') seen.push(each.id);
  }
  if (seen.length > 60) seen.splice(0, seen.length - 60);
}

/** @param {string | number} part */
function toPointer(part) {
  return encodeURIComponent(String(part).replaceAll('~', '~0').replaceAll('/', '~1'));
}
