import { readdirSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

// Vitest hands these to Node as --conditions; with `import` among them a `require` of a package gets its ES module.
const conditions = ['@hostwire/source', 'node'];

const node = (name: string, root: string, include = ['src/**/*.test.ts', 'test/**/*.test.ts']) => ({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    name,
    root,
    environment: 'node' as const,
    include,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});

const packages = readdirSync(new URL('packages', import.meta.url))
  .sort()
  .map((name) => node(name, `packages/${name}`));

export default defineConfig({
  test: {
    projects: [
      ...packages,
      node('agent', 'apps/agent'),
      node('server', 'apps/server'),
      node('bench', 'bench', ['**/*.test.ts']),
      'apps/web/vitest.config.ts',
      'apps/web/vitest.e2e.config.ts',
    ],
    coverage: { provider: 'v8', include: ['apps/*/src/**', 'packages/*/src/**'] },
  },
});
