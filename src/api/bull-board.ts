import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { JobQueue } from '../jobs/job-queue.js';
import type { Api } from './api-context.js';

export const BOARD_PATH = '/admin/queues';

/**
 * Shows BullMQ's own view of the queue, read only: what is moved behind the records' back would only be moved back by
 * reconciling. It shows everyone's jobs, so it needs a key with the scope `admin`.
 */
export async function mountBullBoard(app: Api, queue: JobQueue): Promise<void> {
  const serverAdapter = new FastifyAdapter();
  serverAdapter.setBasePath(BOARD_PATH);
  createBullBoard({ queues: [new BullMQAdapter(queue.bull, { readOnlyMode: true })], serverAdapter });
  await app.register(serverAdapter.registerPlugin(), { prefix: BOARD_PATH });
}
