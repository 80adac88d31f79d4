import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'tools/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // A run that executes nothing is a failure, and so is a hidden `.only`.
    passWithNoTests: false,
    allowOnly: false,
    // Against hanging only: the long properties take half a minute on a quiet machine, and CI machines are rarely quiet.
    testTimeout: 300_000,
    hookTimeout: 60_000,
  },
});
