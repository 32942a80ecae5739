import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { MlError } from '../ml-error.js';
import type {
  BatchAugmentation,
  DecodeFailure,
  DecodeReply,
  DecodeRequest,
  Inspection,
  ThreadSource,
} from './decode-messages.js';
import { failureReason } from './failure-reason.js';
import type { ImageCacheSettings } from './image-cache-room.js';
import type { ImageSource } from './image-entry.js';
import { SharedBuffers } from './shared-buffers.js';

/** Files that one message asks to inspect: enough to keep a thread busy, few enough to report and cancel between. */
const INSPECTION_CHUNK = 16;

export type DecodePoolOptions = {
  readonly threads: number;
  readonly imageSize: number;
  readonly cache?: ImageCacheSettings | null | undefined;
};

export type DecodedBatch = {
  /** [n, size, size, 3], each value in [−1, 1]; all of a failed image's are 0. No other batch uses its memory until `release`. */
  readonly pixels: Float32Array;
  readonly failed: readonly DecodeFailure[];
  /** Gives the memory back for a later batch. */
  readonly release: () => void;
};

/** What the pool needs of a cache. */
export type PoolCache = { readonly fd: number; close(): Promise<void> };

type Written = { readonly inspected: Inspection[]; readonly cacheError: string | null };

type Waiting = { readonly resolve: (reply: DecodeReply) => void; readonly reject: (error: Error) => void };
type Thread = {
  readonly worker: Worker;
  readonly waiting: Map<number, Waiting>;
  /** Why the thread answers no more; the first reason counts. */
  lost: MlError | null;
};

/** Node starts the compiled form only. The way to it is the same from the sources, which tests run, and from dist. */
const THREAD_ENTRY = new URL('../../../dist/ml/data/decode-thread.js', import.meta.url);

/** Threads that read and decode images beside the thread that trains, into memory that both see. */
export class DecodePool {
  private readonly threads: Thread[];
  private readonly buffers = new SharedBuffers();
  private readonly caches = new Set<PoolCache>();
  private nextId = 0;
  private nextThread = 0;

  /** Side of the square images, in pixels. */
  readonly imageSize: number;
  /** Where datasets that are inspected keep their decoded images; null for nowhere. */
  readonly cacheSettings: ImageCacheSettings | null;

  private constructor({ threads, imageSize, cache }: DecodePoolOptions) {
    this.imageSize = imageSize;
    this.cacheSettings = cache ?? null;
    this.threads = Array.from({ length: threads }, () => startThread());
  }

  static async open(options: DecodePoolOptions): Promise<DecodePool> {
    if (!Number.isInteger(options.threads) || options.threads < 1) {
      throw new Error(`expected at least 1 decoding thread; found ${options.threads}`);
    }
    return new DecodePool(options);
  }

  /**
   * Decodes a batch, its images shared out among the threads; the result does not depend on their number.
   * @throws MlError `decoder_lost` when a thread ends, or when the pool is closed
   */
  async decode(
    images: readonly ImageSource[],
    flips: readonly boolean[] | null,
    augmentation: BatchAugmentation | null = null,
  ): Promise<DecodedBatch> {
    const { imageSize } = this;
    const values = images.length * imageSize * imageSize * 3;
    const buffer = this.buffers.take(values * Float32Array.BYTES_PER_ELEMENT);
    const share = Math.ceil(images.length / this.threads.length);
    const parts: Promise<DecodeReply>[] = [];
    for (let offset = 0; offset < images.length; offset += share) {
      const part = <T>(items: readonly T[]): T[] => items.slice(offset, offset + share);
      const request = {
        type: 'decode',
        sources: part(images).map((image) => this.toSource(image)),
        flips: part(flips ?? images.map(() => false)),
        augmentation: augmentation && { ...augmentation, seeds: part(augmentation.seeds) },
        offset,
        buffer,
        imageSize,
      } as const;
      parts.push(this.ask((id) => ({ ...request, id })));
    }
    // A buffer whose batch failed is dropped: another thread may still write to it.
    const replies = await Promise.all(parts);
    const failed = replies.flatMap((reply) => reply.failed);
    return {
      pixels: new Float32Array(buffer, 0, values),
      failed,
      release: () => this.buffers.giveBack(buffer),
    };
  }

  /**
   * Reads and decodes every image once.
   * @param onProgress called with the number of images done; what it throws ends the inspection
   * @throws MlError `decoder_lost` when a thread ends, or when the pool is closed
   */
  async inspect(images: readonly ImageSource[], onProgress?: (done: number) => void): Promise<Inspection[]> {
    return (await this.inspectAll('inspect', images, null, onProgress)).inspected;
  }

  /**
   * As `inspect`, and writes the decoded images into an existing file, [n, size, size, 3]. Once that fails, it goes on without:
   * `cacheError` says why.
   */
  async inspectInto(
    path: string,
    images: readonly ImageSource[],
    onProgress?: (done: number) => void,
  ): Promise<Written> {
    return this.inspectAll('inspect', images, path, onProgress);
  }

  /** As `inspect`, but decodes nothing. */
  async hash(images: readonly ImageSource[], onProgress?: (done: number) => void): Promise<Inspection[]> {
    return (await this.inspectAll('hash', images, null, onProgress)).inspected;
  }

  /** From now on, images that lie in this cache are read from there. The pool closes it when it is closed itself. */
  useCache(cache: PoolCache): void {
    this.caches.add(cache);
  }

  private async inspectAll(
    type: 'inspect' | 'hash',
    images: readonly ImageSource[],
    path: string | null,
    onProgress?: (done: number) => void,
  ): Promise<Written> {
    const results: Inspection[] = [];
    let cacheError: string | null = null;
    const { imageSize } = this;
    const stride = INSPECTION_CHUNK * this.threads.length;
    for (let start = 0; start < images.length; start += stride) {
      const chunks: Promise<DecodeReply>[] = [];
      for (let at = start; at < Math.min(start + stride, images.length); at += INSPECTION_CHUNK) {
        const sources = images.slice(at, at + INSPECTION_CHUNK).map((image) => this.toSource(image));
        const target = path === null || cacheError !== null ? null : { path, firstRow: at };
        chunks.push(this.ask((id) => ({ type, id, sources, imageSize, target })));
      }
      for (const reply of await Promise.all(chunks)) {
        results.push(...reply.inspected);
        cacheError ??= reply.cacheError;
      }
      onProgress?.(results.length);
    }
    return { inspected: results, cacheError };
  }

  /** Ends the threads. What waits for them, and what is asked of them later, is rejected with `decoder_lost`. */
  async close(): Promise<void> {
    for (const thread of this.threads) lose(thread, 'the pool was closed');
    await Promise.all(this.threads.map(({ worker }) => worker.terminate()));
    for (const cache of this.caches) await cache.close();
    this.caches.clear();
  }

  /** Only what a thread needs: the rest of an entry would be copied with each message. */
  private toSource({ path, range, region, cached }: ImageSource): ThreadSource {
    const cache = cached?.cache as PoolCache | undefined;
    const isHere = cached !== undefined && cache !== undefined && this.caches.has(cache);
    return { path, range, region, cached: isHere ? { fd: cache.fd, row: cached.row } : null };
  }

  private ask(build: (id: number) => DecodeRequest): Promise<DecodeReply> {
    const thread = this.threads[this.nextThread] as Thread;
    this.nextThread = (this.nextThread + 1) % this.threads.length;
    const id = this.nextId;
    this.nextId += 1;
    return new Promise((resolve, reject) => {
      // A message to a thread that has ended is never answered.
      if (thread.lost !== null) return reject(thread.lost);
      thread.waiting.set(id, { resolve, reject });
      thread.worker.postMessage(build(id));
    });
  }
}

function startThread(): Thread {
  const worker = new Worker(THREAD_ENTRY);
  const waiting = new Map<number, Waiting>();
  const thread: Thread = { worker, waiting, lost: null };
  worker.on('message', (reply: DecodeReply) => {
    waiting.get(reply.id)?.resolve(reply);
    waiting.delete(reply.id);
  });
  worker.on('error', (error) => lose(thread, failureReason(error, fileURLToPath(THREAD_ENTRY))));
  worker.on('exit', (code) => lose(thread, `exit code ${code}`));
  return thread;
}

function lose(thread: Thread, reason: string): void {
  const message = `Expected a decoding thread to answer; found that it ended: ${reason}.`;
  thread.lost ??= new MlError('decoder_lost', 'infrastructure', message, true);
  for (const { reject } of thread.waiting.values()) reject(thread.lost);
  thread.waiting.clear();
}
