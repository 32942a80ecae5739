import { MlError } from '../ml/ml-error.js';
import { embedBatch } from './embed-batch.js';
import { GalleryIndexes } from './gallery-indexes.js';
import type {
  FromInference,
  InferenceAnswer,
  InferenceFailure,
  InferenceTask,
  ToInference,
} from './messages.js';
import { ModelCache } from './model-cache.js';
import { TaskQueue } from './task-queue.js';

// Embeds and searches for the API, which starts this process, feeds it over IPC and ends it by disconnecting.
const [threads, modelsKept] = process.argv.slice(2).map(Number) as [number, number];
const models = new ModelCache(modelsKept, threads);
const galleries = new GalleryIndexes();
const queue = new TaskQueue();
let isRunning = false;

process.on('message', (message: ToInference) => {
  if (message.type === 'cancel') queue.remove(message.id);
  else if (message.type === 'forget') galleries.forget(message.galleryDir);
  else {
    queue.add(message.id, message.task);
    if (!isRunning) void work();
  }
});
process.on('disconnect', () => process.exit(0));

async function work(): Promise<void> {
  isRunning = true;
  // What has arrived meanwhile joins the batch.
  await new Promise(setImmediate);
  for (let batch = queue.take(); batch.length > 0; batch = queue.take()) {
    const tasks = batch.map(({ task }) => task);
    const answers = await compute(tasks).catch((error: unknown) => tasks.map(() => toFailure(error)));
    for (const [i, { id }] of batch.entries()) {
      const answer = answers[i] as InferenceAnswer | InferenceFailure;
      send('code' in answer ? { type: 'failed', id, failure: answer } : { type: 'answer', id, answer });
    }
    // An embedding holds the thread: messages that came in the meantime are read now.
    await new Promise(setImmediate);
  }
  isRunning = false;
}

/** All of one model. */
async function compute(tasks: readonly InferenceTask[]): Promise<(InferenceAnswer | InferenceFailure)[]> {
  const model = await models.get((tasks[0] as InferenceTask).modelDir);
  const embedded = await embedBatch(model, tasks);
  const answers: (InferenceAnswer | InferenceFailure)[] = [];
  for (const [i, task] of tasks.entries()) {
    const found = embedded[i] as (typeof embedded)[number];
    if (found instanceof Error) answers.push(toFailure(found));
    else answers.push(await search(task, found, model.embedder.embeddingSize).catch(toFailure));
  }
  return answers;
}

async function search(task: InferenceTask, embeddings: Float32Array, size: number): Promise<InferenceAnswer> {
  if (task.search === undefined) return { embeddings, size, matches: null };
  const { galleryDir, count } = task.search;
  const gallery = await galleries.get(galleryDir, size);
  const matches = task.images.map((_, i) =>
    gallery.search(embeddings.subarray(i * size, (i + 1) * size), count),
  );
  return { embeddings, size, matches };
}

function toFailure(error: unknown): InferenceFailure {
  if (error instanceof MlError) {
    const { code, fault, message } = error;
    return { code, fault, message };
  }
  // The API logs it and tells its client nothing of it.
  const { stack, message } = error as Error;
  return { code: 'internal', fault: 'infrastructure', message: stack ?? message };
}

function send(message: FromInference): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}
