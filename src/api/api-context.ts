import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { Redis } from 'ioredis';
import type { JobQueue } from '../jobs/job-queue.js';
import type { JobStore } from '../jobs/job-store.js';

/** What requests may take up; left out, each is as the configuration has it by default, and a 0 sets no limit. */
export type ApiLimits = {
  /** Queued jobs of one owner. */
  readonly maxQueuedJobs?: number;
  /** Jobs of one owner that workers hold at once. The workers keep to it; here it is only told. */
  readonly maxRunningJobs?: number;
  readonly maxBodyBytes?: number;
  /** Streams that this process holds open. */
  readonly maxOpenStreams?: number;
  /** Bytes that must be free for artifacts before a job is accepted. */
  readonly minFreeDiskBytes?: number;
};

/** What the routes work with. */
export type ApiContext = ApiLimits & {
  readonly store: JobStore;
  readonly queue: JobQueue;
  readonly redis: Redis;
  /** Start of the service's keys in Redis. */
  readonly queuePrefix?: string;
  /** Time after which a silent event stream shows a sign of life. */
  readonly heartbeatMs?: number;
  /** Folder whose subfolders requests name as datasets. */
  readonly datasetRoot: string;
  /** Folder with one folder of published artifacts per job. */
  readonly artifactsDir: string;
  /** The processes that run networks, as the settings name their limits; the defaults where left out. */
  readonly inferenceProcesses?: number;
  readonly inferenceThreads?: number;
  readonly inferenceQueue?: number;
  readonly inferenceModels?: number;
};

/** A Fastify instance whose routes take their types from their TypeBox schemas. */
export type Api = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;
