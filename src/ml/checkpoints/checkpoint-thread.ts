import { parentPort } from 'node:worker_threads';
import { type CheckpointContent, writeCheckpoint } from './write-checkpoint.js';

// Runs in a thread of its own: hashing, writing and syncing go on beside the thread that trains.

/** Null when it is written. */
export type CheckpointReply = { readonly error: { readonly code: string; readonly message: string } | null };

const port = parentPort;
if (port === null) throw new Error('checkpoint-thread runs as a worker thread of the checkpointer');

port.on('message', (content: CheckpointContent) => port.postMessage(write(content)));

function write(content: CheckpointContent): CheckpointReply {
  try {
    writeCheckpoint(content);
    return { error: null };
  } catch (error) {
    const { code = 'UNKNOWN', message } = error as NodeJS.ErrnoException;
    return { error: { code, message } };
  }
}
