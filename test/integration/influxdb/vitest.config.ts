import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/integration/influxdb/**/*.test.ts'],
    globalSetup: ['test/integration/influxdb/servers.ts'],
    // Real servers start, stop and start again.
    testTimeout: 120_000,
    hookTimeout: 180_000,
  },
});
