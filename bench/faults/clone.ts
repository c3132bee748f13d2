import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RealAgent } from './real-agent.ts';
import { startTestServer, type TestServer } from './test-server.ts';

export interface CloneRunReport {
  /** From the clone's start until the alert fired; null: never. */
  readonly alertSeconds: number | null;
  /** Runs in the store after the two have known of each other for long. */
  readonly runsAtTheEnd: number;
  /** How often the two have taken the session from each other, in all. */
  readonly takeovers: number;
  /**
   * Of the older agent, since the two know of each other: numbers that the store lacks. Before that both tick at the same moments,
   * and the store keeps one of two rows of one series and time.
   */
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
    const seen = new Set(before.map(({ run, seq }) => `${run} ${seq}`));
    const fresh = after.filter(({ run, seq }) => !seen.has(`${run} ${seq}`));
    const older = before[0]?.run ?? '';
    const known = Math.max(...before.filter(({ run }) => run === older).map(({ seq }) => seq));
    // What it took last may be on its way still.
    let missing = await missingOf(server, older, known);
    for (let look = 0; look < 20 && missing > 0; look++) {
      await sleep(500);
      missing = await missingOf(server, older, known);
    }
    await first.kill('SIGTERM');
    const connects = /connected to the broker/g;
    return {
      alertSeconds: alertAt === null ? null : Math.round((alertAt - cloned) / 100) / 10,
      runsAtTheEnd: new Set(fresh.map(({ run }) => run)).size,
      takeovers: (first.output.match(connects)?.length ?? 0) + (second.output.match(connects)?.length ?? 0) - 2,
      missing,
    };
  } finally {
    stop();
    await Promise.all([first.kill(), second?.kill()]);
    await server.close();
  }
}

async function missingOf(server: TestServer, older: string, after: number): Promise<number> {
  const rows = (await server.agentRows('twin')).filter(({ run, seq }) => run === older && seq > after);
  const seqs = new Set(rows.map(({ seq }) => seq));
  return Math.max(after, ...seqs) - after - seqs.size;
}
