// A trainer that takes its assignment and then neither listens nor ends: its loop is blocked and SIGTERM is ignored.
process.on('SIGTERM', () => {});
process.on('message', () => {
  process.send?.({ type: 'started', device: 'none' }, () => {
    for (;;);
  });
});
process.send?.({ type: 'ready' });
