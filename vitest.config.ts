import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'scripts/**/*.test.ts', 'bench/**/*.test.ts'],
    environment: 'node',
    testTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    // Compiles the WASM kernels when they are missing or older than their sources.
    globalSetup: ['scripts/vitest-setup.mjs'],
  },
});
