import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RealAgent } from './real-agent.ts';
import { startTestServer } from './test-server.ts';

export interface CloneRunReport {
  /** From the clone's start until the alert fired; null: never. */
  readonly alertSeconds: number | null;
  /** Runs in the store after the two have known of each other for long. */
  readonly runsAtTheEnd: number;
  /** How often the two have taken the session from each other, in all. */
  readonly takeovers: number;
  /** Of the older agent: numbers from 1 to the largest that the store lacks. */
  readonly missing: number;
}

const RULES = `
[[rule]]
name = "identity_conflict"
severity = "warning"
condition = "conflict"
for = "0s"
summary = "Two agents are alive as this host"
`;

/** An agent, then a second one with the same identity on a spool of its own, as a cloned disk has. */
export async function runClone(folder: string, seconds: number): Promise<CloneRunReport> {
  const server = await startTestServer(join(folder, 'server'), RULES);
  const host = await server.enrol('twin');
  let alertAt: number | null = null;
  const stop = server.onAlert(({ rule, state }) => {
    if (rule === 'identity_conflict' && state === 'firing') alertAt ??= performance.now();
  });
  const first = new RealAgent({ folder: join(folder, 'first'), brokerUrl: server.brokerUrl, host });
  let second: RealAgent | null = null;
  try {
    await sleep(5000);
    const cloned = performance.now();
    second = new RealAgent({ folder: join(folder, 'second'), brokerUrl: server.brokerUrl, host });
    await sleep(seconds * 1000);
    const before = await server.agentRows('twin');
    await sleep(5000);
    const after = await server.agentRows('twin');
    const known = new Set(before.map(({ run, seq }) => `${run} ${seq}`));
    const fresh = after.filter(({ run, seq }) => !known.has(`${run} ${seq}`));
    const older = before[0]?.run ?? '';
    const seqs = new Set(after.filter(({ run }) => run === older).map(({ seq }) => seq));
    await first.kill('SIGTERM');
    const connects = /connected to the broker/g;
    return {
      alertSeconds: alertAt === null ? null : Math.round((alertAt - cloned) / 100) / 10,
      runsAtTheEnd: new Set(fresh.map(({ run }) => run)).size,
      takeovers: (first.output.match(connects)?.length ?? 0) + (second.output.match(connects)?.length ?? 0) - 2,
      missing: Math.max(0, ...seqs) - seqs.size,
    };
  } finally {
    stop();
    await Promise.all([first.kill(), second?.kill()]);
    await server.close();
  }
}
