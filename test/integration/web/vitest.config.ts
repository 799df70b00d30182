import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/integration/web/**/*.test.ts'],
    globalSetup: ['test/integration/web/servers.ts'],
    // Real servers start, stop and start again.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    fileParallelism: false,
  },
});
