import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/integration/**', 'test/faults/**', 'test/bench/**'],
    setupFiles: ['test/support/leak-check.ts'],
    testTimeout: 20_000,
    // Many tests wait for processes of their own: on a machine of two cores one worker would leave half of it idle.
    maxWorkers: 2,
  },
});
