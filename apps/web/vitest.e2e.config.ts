import { defineConfig } from 'vitest/config';

// No `import` among them: it would reach Node's own loader, and a `require` would get ES modules.
const conditions = ['@hostwire/source', 'node'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    name: 'e2e',
    environment: 'node',
    include: ['e2e/**/*.test.ts'],
    testTimeout: 90_000,
    hookTimeout: 90_000,
    fileParallelism: false,
  },
});
