import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { createLogger } from '../src/logger.js';

function collect() {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  return { lines, log: createLogger('info', 'test', destination) };
}

it('writes JSON lines that name the part of the service, from the given level on', () => {
  const { lines, log } = collect();
  log.debug('unseen');
  log.child({ jobId: 'a' }).info('seen');
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ process: 'test', jobId: 'a', msg: 'seen' }]);
});

it.each([
  ['a setting', { redisUrl: 'redis://:secret@queue:6379' }],
  ['a setting further down', { config: { redisUrl: 'redis://:secret@queue:6379' } }],
  ['an authorization header', { req: { headers: { authorization: 'Bearer secret' } } }],
  ['a password', { redis: { password: 'secret' } }],
  ['an error', { err: new Error('expected redis://user:secret@queue:6379 to answer') }],
  ['a URL with an at sign in its password', { text: 'rediss://user:hard@secret@queue:6379/0' }],
])('shows no secret of %s', (_where, fields) => {
  const { lines, log } = collect();
  log.info(fields, 'connect to redis://:secret@queue');
  const [line = ''] = lines;
  expect(line).toContain('[redacted]');
  expect(line).not.toContain('secret');
  expect(() => JSON.parse(line)).not.toThrow();
});

it('leaves addresses without credentials as they are', () => {
  const { lines, log } = collect();
  log.info({ url: 'http://127.0.0.1:8080/docs', to: 'someone@example.org' }, 'up');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    url: 'http://127.0.0.1:8080/docs',
    to: 'someone@example.org',
  });
});
