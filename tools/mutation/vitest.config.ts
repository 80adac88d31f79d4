/**
 * The tests that must notice a mutant: those beside the trust core, and the vectors. No long way round over a repository or a server, no
 * 100,000 cases; and nothing that verifies while it is loaded, or all tests have to run for every mutant.
 */
import { defineConfig } from 'vitest/config';

// biome-ignore lint/style/noDefaultExport: Vitest reads its configuration from there.
export default defineConfig({
  test: {
    include: ['src/{core,trust}/**/*.test.ts', 'test/vectors.test.ts'],
    exclude: ['**/*.property.test.ts', 'src/trust/repository/**'],
    testTimeout: 60_000,
  },
});
