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

const bench = node('bench', 'bench', ['**/*.test.ts']);
const hostile = node('hostile', 'bench/hostile', ['*.test.ts']);
Object.assign(bench.test, { exclude: ['hostile/**', 'fleet/**'] });
// They measure how long others wait: alone, and after all others.
Object.assign(hostile.test, { fileParallelism: false, sequence: { groupOrder: 1 } });

const infra = node('infra', 'infra', ['test/**/*.test.ts']);
const fleet = node('fleet', 'bench/fleet', ['*.test.ts']);
Object.assign(fleet.test, { fileParallelism: false, sequence: { groupOrder: 2 } });

export default defineConfig({
  test: {
    projects: [
      ...packages,
      node('agent', 'apps/agent'),
      node('server', 'apps/server'),
      node('docs', 'tools', ['docs/*.test.ts', 'gate/*.test.ts']),
      bench,
      hostile,
      infra,
      fleet,
      'apps/web/vitest.config.ts',
      'apps/web/vitest.e2e.config.ts',
    ],
    coverage: { provider: 'v8', include: ['apps/*/src/**', 'packages/*/src/**'] },
  },
});
