import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/integration/**', 'test/faults/**', 'test/bench/**'],
    setupFiles: ['test/support/leak-check.ts'],
    testTimeout: 20_000,
    // Many tests wait for processes of their own: a worker for each core would leave a part of the machine idle.
    maxWorkers: 2 * availableParallelism(),
  },
});
