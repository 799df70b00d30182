import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/faults/**/*.test.ts'],
    // One agent and one fault at a time, and what each expected and got as it comes.
    fileParallelism: false,
    disableConsoleIntercept: true,
    setupFiles: ['test/support/leak-check.ts'],
    testTimeout: 300_000,
  },
});
