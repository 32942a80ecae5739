import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { describeConfig, loadConfig } from '../src/config.js';

it('has a default for every setting', () => {
  expect(loadConfig({})).toEqual({
    rateLimitPerMinute: 1200,
    rateLimitPerAddress: 60,
    maxQueuedJobs: 10_000,
    maxRunningJobs: 0,
    maxRuntimeSeconds: 0,
    maxBodyBytes: 65_536,
    maxOpenStreams: 1000,
    minFreeDiskBytes: 1_073_741_824,
    auth: 'auto',
    openWithoutKey: [],
    host: '127.0.0.1',
    port: 8080,
    redisUrl: undefined,
    queuePrefix: 'arcqueue',
    dataDir: resolve('data'),
    datasetRoot: resolve('data/datasets'),
    artifactsDir: resolve('data/artifacts'),
    logLevel: 'info',
    decodeThreads: 1,
    decodedCacheDir: resolve('data/decoded-cache'),
    decodedCacheBytes: 2_147_483_648,
    cancelGraceMs: 2000,
    trainerSilenceMs: 1_800_000,
    bullBoard: 'off',
    workerDevice: 'auto',
    workerMemoryBytes: 0,
    lockDurationMs: 30_000,
    inferenceProcesses: 1,
    inferenceThreads: 0,
    inferenceQueue: 64,
    inferenceModels: 4,
  });
});

it('reads every setting that --help lists, and takes an empty one as unset', () => {
  const given = {
    RATE_LIMIT_PER_MINUTE: '7',
    RATE_LIMIT_PER_ADDRESS: '8',
    MAX_QUEUED_JOBS: '9',
    MAX_RUNNING_JOBS: '10',
    MAX_RUNTIME_SECONDS: '11',
    MAX_BODY_BYTES: '2048',
    MAX_OPEN_STREAMS: '13',
    MIN_FREE_DISK_BYTES: '14',
    HOST: '0.0.0.0',
    PORT: '0',
    REDIS_URL: 'rediss://user:secret@queue:6380/2',
    QUEUE_PREFIX: '{shop}',
    DATA_DIR: '/srv/arcqueue',
    DATASET_ROOT: '',
    ARTIFACT_ROOT: '/models',
    LOG_LEVEL: 'debug',
    DECODE_THREADS: '4',
    DECODED_CACHE_DIR: '/fast/pixels',
    DECODED_CACHE_BYTES: '0',
    CANCEL_GRACE_MS: '0',
    TRAINER_SILENCE_MS: '10000',
    BULL_BOARD: 'on',
    WORKER_DEVICE: 'gpu',
    WORKER_MEMORY_BYTES: '5',
    LOCK_DURATION_MS: '1000',
    OPEN_WITHOUT_KEY: 'docs',
    AUTH: 'auto',
    INFERENCE_PROCESSES: '2',
    INFERENCE_THREADS: '3',
    INFERENCE_QUEUE: '5',
    INFERENCE_MODELS: '7',
  };
  expect(loadConfig(given)).toEqual({
    rateLimitPerMinute: 7,
    rateLimitPerAddress: 8,
    maxQueuedJobs: 9,
    maxRunningJobs: 10,
    maxRuntimeSeconds: 11,
    maxBodyBytes: 2048,
    maxOpenStreams: 13,
    minFreeDiskBytes: 14,
    auth: 'auto',
    openWithoutKey: ['docs'],
    host: '0.0.0.0',
    port: 0,
    redisUrl: 'rediss://user:secret@queue:6380/2',
    queuePrefix: '{shop}',
    dataDir: '/srv/arcqueue',
    datasetRoot: '/srv/arcqueue/datasets',
    artifactsDir: '/models',
    logLevel: 'debug',
    decodeThreads: 4,
    decodedCacheDir: '/fast/pixels',
    decodedCacheBytes: 0,
    cancelGraceMs: 0,
    trainerSilenceMs: 10_000,
    bullBoard: 'on',
    workerDevice: 'gpu',
    workerMemoryBytes: 5,
    lockDurationMs: 1000,
    inferenceProcesses: 2,
    inferenceThreads: 3,
    inferenceQueue: 5,
    inferenceModels: 7,
  });
  const listed = [...describeConfig().matchAll(/^ {2}([A-Z_]+) /gm)].map(([, name]) => name);
  expect(listed.sort()).toEqual(Object.keys(given).sort());
});

it('names every wrong setting at once, with what was expected and what was found', () => {
  const wrong = {
    PORT: '65536',
    DECODE_THREADS: '1.5',
    LOG_LEVEL: 'loud',
    QUEUE_PREFIX: 'a:b',
    LOCK_DURATION_MS: '999',
  };
  expect(() => loadConfig(wrong)).toThrow(
    /PORT: expected an integer from 0 to 65535; found "65536".*QUEUE_PREFIX.*"a:b".*LOG_LEVEL: expected one of fatal.*found "loud".*DECODE_THREADS.*"1.5".*LOCK_DURATION_MS/s,
  );
});

it('does not repeat a wrong Redis URL, which may hold a password', () => {
  expect(() => loadConfig({ REDIS_URL: 'http://user:secret@queue' })).toThrow(/^(?!.*secret).*REDIS_URL/s);
});

it('is frozen', () => {
  expect(Object.isFrozen(loadConfig({}))).toBe(true);
});
