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

export type ApiLimits = {
  /** Queued jobs of one owner. */
  readonly queuedJobs?: number | undefined;
  /** Jobs of one owner that workers hold at once; only told here, the workers keep to it. */
  readonly runningJobs?: number | undefined;
};

/** What the routes work with. */
export type ApiContext = {
  readonly store: JobStore;
  readonly queue: JobQueue;
  readonly redis: Redis;
  /** Start of the service's keys in Redis. */
  readonly queuePrefix?: string;
  /** Time after which a silent event stream shows a sign of life. */
  readonly heartbeatMs?: number;
  /** Folder whose subfolders requests name as datasets. */
  readonly datasetRoot: string;
  /** What one owner may take up; left out, without limit. */
  readonly limits?: ApiLimits;
  /** Folder with one folder of published artifacts per job. */
  readonly artifactsDir: string;
};

/** A Fastify instance whose routes take their types from their TypeBox schemas. */
export type Api = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;
