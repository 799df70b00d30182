import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/bench/**/*.test.ts'],
    setupFiles: ['test/support/leak-check.ts'],
    testTimeout: 60_000,
  },
});
