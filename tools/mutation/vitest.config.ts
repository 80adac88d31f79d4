/** The tests that must notice a mutant: those beside the trust core, and the vectors. No long way round over a server, no 100,000 cases. */
import { defineConfig } from 'vitest/config';

// biome-ignore lint/style/noDefaultExport: Vitest reads its configuration from there.
export default defineConfig({
  test: {
    include: ['src/{core,trust}/**/*.test.ts', 'test/vectors.test.ts'],
    exclude: ['**/*.property.test.ts'],
    testTimeout: 60_000,
  },
});
