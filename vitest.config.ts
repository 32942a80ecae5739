import { defineConfig } from 'vitest/config';

// Files run one after another in processes of their own: TensorFlow takes both cores of a small machine, and a
// test of a latency beside another file's training would measure that file.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
