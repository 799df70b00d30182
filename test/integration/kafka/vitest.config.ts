import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // A broker that elects and rebalances on a busy machine may be later than anybody waits: such a case runs again.
    retry: 2,
    include: ['test/integration/kafka/**/*.test.ts'],
    globalSetup: ['test/integration/kafka/broker.ts'],
    // A real broker starts, and members of a group are waited for.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
