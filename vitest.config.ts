import { defineConfig } from 'vitest/config';

const live = { setupFiles: ['test/support/leak-check.ts'], testTimeout: 60_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    // Live tests look at the whole host: run side by side they would see each other.
    fileParallelism: false,
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'] } },
      { test: { name: 'property', include: ['test/property/**/*.test.ts'], testTimeout: 120_000 } },
      { test: { name: 'native', include: ['test/native/**/*.test.ts'], testTimeout: 600_000 } },
      { test: { name: 'integration', include: ['test/integration/**/*.test.ts'], ...live } },
      { test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], ...live } },
    ],
  },
});
