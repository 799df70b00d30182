import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/integration/docker/**/*.test.ts'],
    globalSetup: ['test/integration/docker/setup.ts'],
    // One engine, and few cores.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 600_000,
    // The helper that clears up behind testcontainers is an image that cannot be had everywhere; what the tests make,
    // they remove.
    env: { TESTCONTAINERS_RYUK_DISABLED: 'true' },
  },
});
