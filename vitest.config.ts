import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/kapacitor/**', 'test/docker/**', 'test/influxdb/**', 'test/faults/**'],
    setupFiles: ['test/support/leak-check.ts'],
    testTimeout: 20_000,
  },
});
