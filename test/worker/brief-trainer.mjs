// A trainer that ends as the name of its dataset folder says.
/** @type {Record<string, object>} */
const endings = {
  done: { type: 'done', result: { answer: 42 }, provenance: { device: 'none' } },
  failed: {
    type: 'failed',
    error: { code: 'class_empty', fault: 'data', retryable: false, message: 'Expected images; found none.' },
  },
};
process.on(
  'message',
  (/** @type {import('../../src/worker/trainer-messages.js').WorkerToTrainer} */ message) => {
    if (message.type === 'cancel') {
      process.send?.({ type: 'cancelled' }, () => process.exit(0));
      return;
    }
    const ending = endings[message.assignment.datasetDir];
    if (ending !== undefined) process.send?.(ending, () => process.exit(0));
    else if (message.assignment.datasetDir === 'silent') process.exit(3);
    else process.send?.({ type: 'started', device: 'none' });
  },
);
process.send?.({ type: 'ready' });
