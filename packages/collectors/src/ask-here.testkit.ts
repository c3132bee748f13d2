/**
 * Runs collectors once on this machine through the runner, and prints what came as JSON: in a process of its own, because
 * authorities of certificates are read at a process's start, and for tests in a network of their own.
 *
 *     ask-here.testkit.ts '{"http_response": {"targets": [...]}}'
 */
import { LocalHost } from '@hostwire/host-access';
import { TIERS } from '@hostwire/model';
import type { CollectorsConfig } from './config.ts';
import { COLLECTORS } from './registry.ts';
import { createRunner } from './runner.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as CollectorsConfig;
const access = new LocalHost();
const collectors = COLLECTORS.filter(({ name }) => Object.hasOwn(options, name));
const runner = createRunner({ access, collectors, options });
const capabilities = await runner.probeAll();
const ticks = await Promise.all(TIERS.map((tier) => runner.collect(tier)));
runner.close();
await access.close();
process.stdout.write(
  JSON.stringify({
    capabilities,
    data: Object.assign({}, ...ticks.map(({ data: { collector: _self, ...data } }) => data)) as unknown,
    errors: ticks.flatMap(({ errors }) => errors),
    durations: Object.fromEntries(
      ticks.flatMap(({ data }) => (data['collector'] ?? []).map(({ tags, fields }) => [tags?.['collector'], fields['duration_ms']])),
    ),
  }),
);
