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
    if (message.type !== 'assign') {
      process.send?.({ type: message.type === 'cancel' ? 'cancelled' : 'paused' }, () => process.exit(0));
      return;
    }
    const ending = endings[message.assignment.datasetDir];
    if (ending !== undefined) process.send?.(ending, () => process.exit(0));
    else if (message.assignment.datasetDir === 'alive') liveOnASecond();
    else if (message.assignment.datasetDir.startsWith('garbled '))
      sayRaw(message.assignment.datasetDir.slice(8));
    else if (message.assignment.datasetDir === 'silent') process.exit(3);
    else process.send?.({ type: 'started', device: 'none' });
  },
);
process.send?.({ type: 'ready' });

/** @param {string} json */
function sayRaw(json) {
  process.send?.(JSON.parse(json));
  setInterval(() => process.send?.({ type: 'alive' }), 100);
}

/** Ten signs of life, a fifth of the bearable silence apart, then the end. */
function liveOnASecond() {
  let left = 10;
  setInterval(() => {
    if (left === 0) process.send?.(endings.done, () => process.exit(0));
    else process.send?.({ type: 'alive' });
    left -= 1;
  }, 100);
}
