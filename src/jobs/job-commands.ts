import type { Redis } from 'ioredis';
import type { StreamEntry } from './job-event.js';
import type { JobState } from './job-record.js';
import {
  CREATE_LUA,
  DELETE_LUA,
  GET_LUA,
  LIST_LUA,
  READ_EVENTS_LUA,
  TRANSITION_LUA,
  WRITE_LUA,
} from './job-scripts.js';
import type { StoredJob } from './stored-job.js';

export type TransitionReply = [
  'moved' | 'not_found' | 'stale_attempt' | 'not_allowed' | 'owner_busy',
  JobState | '',
];
export type EventsReply = [state: JobState | '', newest: string, pages: StreamEntry[][]];

type Arguments = (string | number)[];

/** The store's own commands, as ioredis adds them to the connection; `job-scripts.ts` says what each takes. */
export type JobCommands = {
  arcqueueTransition(...args: Arguments): Promise<TransitionReply>;
  arcqueueCreate(...args: Arguments): Promise<string>;
  arcqueueWrite(...args: Arguments): Promise<0 | 1>;
  arcqueueDelete(keyCount: number, ...args: Arguments): Promise<0 | 1>;
  arcqueueReadEvents(keyCount: number, ...args: Arguments): Promise<EventsReply>;
  arcqueueList(...args: Arguments): Promise<StoredJob[]>;
  arcqueueGet(...args: Arguments): Promise<StoredJob>;
};

export function withJobCommands(redis: Redis): Redis & JobCommands {
  redis.defineCommand('arcqueueTransition', { numberOfKeys: 2, lua: TRANSITION_LUA });
  redis.defineCommand('arcqueueCreate', { numberOfKeys: 0, lua: CREATE_LUA });
  redis.defineCommand('arcqueueWrite', { numberOfKeys: 1, lua: WRITE_LUA });
  redis.defineCommand('arcqueueDelete', { lua: DELETE_LUA });
  redis.defineCommand('arcqueueReadEvents', { lua: READ_EVENTS_LUA });
  redis.defineCommand('arcqueueList', { numberOfKeys: 1, lua: LIST_LUA });
  redis.defineCommand('arcqueueGet', { numberOfKeys: 2, lua: GET_LUA });
  return redis as Redis & JobCommands;
}
