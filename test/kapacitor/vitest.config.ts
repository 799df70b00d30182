import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/kapacitor/**/*.test.ts'],
    setupFiles: ['test/support/leak-check.ts'],
    globalSetup: ['test/kapacitor/servers.ts'],
    // A real Kapacitor starts in each test.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 3,
  },
});
