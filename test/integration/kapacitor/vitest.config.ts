import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Kapacitor has races of its own, at a disable under load and at [load]: a case that met one runs again.
    retry: 2,
    include: ['test/integration/kapacitor/**/*.test.ts'],
    setupFiles: ['test/support/leak-check.ts'],
    globalSetup: ['test/integration/kapacitor/servers.ts'],
    // A real Kapacitor starts in each test.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 3,
  },
});
