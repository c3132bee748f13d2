import { fileURLToPath } from 'node:url';
import { type HostAccess, LocalHost, SshHost } from '@hostwire/host-access';
import { type FieldValue, type Row, TIERS } from '@hostwire/model';
import { startSshd, systemSuite } from '@hostwire/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { COLLECTORS, catalog } from './registry.ts';
import { createRunner } from './runner.ts';

const GATE = fileURLToPath(new URL('../../../infra/gate/hostwire-gate', import.meta.url));

/** They look at the network, which a host asked over SSH is not asked to do. */
const NETWORK = ['http_response', 'net_response', 'dns_query', 'ping', 'x509_cert', 'public_ip', 'custom'];
const COLLECTED = COLLECTORS.filter(({ name, optIn }) => !NETWORK.includes(name) && optIn !== true);

/** Gauges that do not change while a test runs. */
const CONSTANT =
  /^(?:mem\.(?:total|huge_\w+_?total)|swap\.total|disk\.(?:total|inodes_total)|system\.n_cpus|kernel\.boot_time|net\.speed)$/;

interface Reading {
  readonly capabilities: Readonly<Record<string, boolean>>;
  /** By measurement, tags and field. */
  readonly values: ReadonlyMap<string, FieldValue>;
  readonly errors: readonly string[];
}

async function read(access: HostAccess): Promise<Reading> {
  const runner = createRunner({ access, collectors: COLLECTED });
  const probed = await runner.probeAll();
  const collected = await Promise.all(TIERS.map((tier) => runner.collect(tier)));
  runner.close();
  const values = new Map<string, FieldValue>();
  for (const { data } of collected) {
    for (const [measurement, rows] of Object.entries(data)) {
      // What the runner says of itself, and who is busiest, differ by who looks.
      if (!['collector', 'process_top'].includes(measurement)) for (const row of rows) add(values, measurement, row);
    }
  }
  return {
    capabilities: Object.fromEntries(Object.entries(probed).map(([name, { available }]) => [name, available])),
    values,
    errors: collected.flatMap(({ errors }) => errors.map(({ collector, message }) => `${collector}: ${message}`)),
  };
}

function add(values: Map<string, FieldValue>, measurement: string, { tags = {}, fields }: Row): void {
  for (const [field, value] of Object.entries(fields)) values.set(JSON.stringify([measurement, tags, field]), value);
}

systemSuite(['sshd'], 'a host over SSH gives what it gives to its own agent', () => {
  it.each([
    ['without a gate', ''],
    ['through the gate', `restrict,command="${GATE}"`],
  ])('%s', async (_name, keyOptions) => {
    const sshd = await startSshd({ keyOptions });
    onTestFinished(() => sshd.stop());
    const { address: host, port, user, keyFile, knownHostsFile } = sshd;
    const remote = new SshHost({ target: { host, port, user }, keyFile, knownHostsFile });
    const local = new LocalHost();
    onTestFinished(async () => {
      await Promise.all([remote.close(), local.close()]);
    });
    const before = await read(local);
    const seen = await read(remote);
    const after = await read(local);

    expect(seen.errors).toEqual(before.errors);
    expect(seen.capabilities).toEqual(before.capabilities);
    const steady = [...before.values.keys()].filter((key) => after.values.has(key));
    expect(steady.length).toBeGreaterThan(100);
    expect(steady.filter((key) => !seen.values.has(key))).toEqual([]);
    const { measurements } = catalog();
    const wrong: unknown[] = [];
    let compared = 0;
    for (const key of steady) {
      const [measurement, , field] = JSON.parse(key) as [string, unknown, string];
      const [low, value, high] = [before, seen, after].map(({ values }) => values.get(key));
      const kind = measurements[measurement]?.fields[field]?.kind;
      const isNumber = typeof low === 'number' && typeof high === 'number' && typeof value === 'number';
      const isFixed = CONSTANT.test(`${measurement}.${field}`) || (kind === 'state' && low === high);
      if (kind !== 'counter' && !isFixed) continue;
      compared++;
      // A counter only grows: what was read between two readings lies between them.
      const isRight = kind === 'counter' && isNumber ? low <= value && value <= high : value === low;
      if (!isRight) wrong.push([key, low, value, high]);
    }
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(40);
  });
});

describe('what is left out over SSH', () => {
  it('is named rightly', () => {
    for (const name of NETWORK) expect(COLLECTORS.map((collector) => collector.name)).toContain(name);
  });
});
