import { join, relative, resolve } from 'node:path';
import { ApiClient } from './api-client.js';
import { cutDataset } from './cut-dataset.js';
import { DEMO_HELP, type DemoOptions, parseDemoOptions } from './demo-options.js';
import { CLASS_PHOTOGRAPHS, STRANGER_PHOTOGRAPHS } from './demo-photographs.js';
import { fetchPhotographs, photographFolder } from './fetch-photographs.js';
import { showJobProgress } from './job-progress.js';
import { meanColourAccuracy, readMeanColours } from './mean-colour-baseline.js';
import { type Service, serviceLog, startService } from './service-process.js';
import { copySplit, datasetName, splitFolder } from './split-folder.js';
import { describeNextSteps, summarise } from './summary.js';

const SEED = 1;
const TRAIN_PATCHES = 96;
const TEST_PATCHES = 20;
const DEMO_EPOCHS = 6;
/** Batch norm's moving statistics, which evaluation uses, need a few hundred steps to settle. */
const OWN_STEPS = 400;
const EVALUATION_BATCH = 32;
const THRESHOLD = 0.9;
const TEMPERATURE = 5;
const DEFAULT_SERVE_PORT = '8080';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

type Prepared = { readonly name: string; readonly epochs: number };

async function main(options: DemoOptions): Promise<void> {
  const startedAt = performance.now();
  const dataDir = resolve('data/demo');
  const stopper = new AbortController();
  let isInterrupted = false;
  const interrupt = (): void => {
    isInterrupted = true;
    stopper.abort(new Error('Stopped.'));
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, interrupt);
  let service: Service | undefined;
  try {
    const prepared = await prepare(options, join(dataDir, 'datasets'));
    stopper.signal.throwIfAborted();
    say(`Starting the service (log: ${relative('', serviceLog(dataDir))})`);
    const port = options.serve ? process.env.PORT || DEFAULT_SERVE_PORT : '0';
    service = await startService({
      dataDir,
      port,
      signal: stopper.signal,
      onLost: (error) => stopper.abort(error),
    });
    await runJobs(service, prepared, { options, dataDir, startedAt, signal: stopper.signal });
    if (options.serve) await untilStopped(stopper.signal);
  } catch (error) {
    if (!isInterrupted) throw stopper.signal.aborted ? stopper.signal.reason : error;
    if (!options.serve) process.exitCode = 130;
  } finally {
    if (service !== undefined) say('Stopping the service');
    await service?.stop();
  }
}

async function prepare(options: DemoOptions, datasetRoot: string): Promise<Prepared> {
  if (options.dataset !== undefined) return prepareOwn(resolve(options.dataset), options, datasetRoot);
  const folder = photographFolder();
  say('Checking the photographs (fetched once, 14 MB)');
  await fetchPhotographs(folder);
  say(
    `Cutting ${CLASS_PHOTOGRAPHS.length} photographs and ${STRANGER_PHOTOGRAPHS.length} strangers into patches`,
  );
  await cutDataset({
    photographFolder: folder,
    outputFolder: join(datasetRoot, 'demo'),
    classes: CLASS_PHOTOGRAPHS,
    strangers: STRANGER_PHOTOGRAPHS,
    trainPatches: TRAIN_PATCHES,
    testPatches: TEST_PATCHES,
    seed: SEED,
  });
  return { name: 'demo', epochs: options.epochs ?? DEMO_EPOCHS };
}

async function prepareOwn(folder: string, options: DemoOptions, datasetRoot: string): Promise<Prepared> {
  const split = await splitFolder(folder, SEED);
  const name = datasetName(folder);
  await copySplit(split, join(datasetRoot, name));
  const { classNames, strangerNames, leftOut, train, test } = split;
  say(`${folder}:`);
  say(`  ${classNames.length} classes: ${train.length} images to train on, ${test.length} to test`);
  if (strangerNames.length > 0) say(`  held out as strangers: ${strangerNames.join(', ')}`);
  if (leftOut.length > 0) say(`  left out, fewer than 2 images: ${leftOut.length} classes`);
  const stepsPerEpoch = Math.max(1, Math.floor(train.length / options.batchSize));
  return { name, epochs: options.epochs ?? Math.max(3, Math.ceil(OWN_STEPS / stepsPerEpoch)) };
}

type RunContext = {
  readonly options: DemoOptions;
  readonly dataDir: string;
  readonly startedAt: number;
  readonly signal: AbortSignal;
};

async function runJobs(service: Service, { name, epochs }: Prepared, context: RunContext): Promise<void> {
  const { options, dataDir, startedAt, signal } = context;
  const client = new ApiClient(service.url, signal);
  // The service goes on with what a killed demo left, as it should; this one's job would wait for it.
  const left = await client.cancelUnfinished();
  if (left > 0) say(`Cancelling what an earlier demo left: ${left}`);
  const { batchSize, learningRate, backbone } = options;
  const dataset = { train: `${name}/train`, test: `${name}/test` };
  const finish = async (title: string, { id }: { id: string }) => {
    say(`${title} (job ${id})`);
    const progress = showJobProgress();
    try {
      return await client.waitForJob(id, { onUpdate: progress.update });
    } catch (error) {
      // Else the service would take the job up again, before the next demo's.
      await client.cancelJob(id).catch(() => undefined);
      throw error;
    } finally {
      progress.stop();
    }
  };
  const training = await finish(
    'Training',
    await client.submitTrain({
      dataset: dataset.train,
      epochs,
      batchSize,
      learningRate,
      backbone,
      seed: SEED,
    }),
  );
  const test = { model: training.id, dataset: dataset.test, batchSize: EVALUATION_BATCH };
  const plain = await finish('Evaluating', await client.submitEvaluate({ ...test, threshold: 0 }));
  const thresholded = await finish(
    'With threshold',
    await client.submitEvaluate({ ...test, threshold: THRESHOLD, temperature: TEMPERATURE }),
  );
  const folder = (part: string) => join(dataDir, 'datasets', part);
  const baseline = meanColourAccuracy(
    await readMeanColours(folder(dataset.train)),
    await readMeanColours(folder(dataset.test)),
  );
  const summary = {
    training,
    plain,
    thresholded,
    baseline,
    url: options.serve ? service.url : null,
    dataDir: relative('', dataDir),
    seconds: (performance.now() - startedAt) / 1000,
  };
  say(`\n${summarise(summary)}\n\n${describeNextSteps(summary)}`);
}

async function untilStopped(signal: AbortSignal): Promise<void> {
  say('\nCtrl-C stops the service.');
  await new Promise<void>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

try {
  const options = parseDemoOptions(process.argv.slice(2));
  if (options.help) process.stdout.write(DEMO_HELP);
  else await main(options);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
