import { systemSuite, tempDir } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { type ChaosOptions, runChaos } from './chaos.ts';
import { startAllInOne, startApart } from './stack.ts';

const number = (name: string, otherwise: number): number => Number(process.env[name] ?? otherwise);
const seed = number('HOSTWIRE_SEED', Date.now() % 1_000_000);
/** By hand HOSTWIRE_KILLS=60 for each, and then with both controls. */
const kills = number('HOSTWIRE_KILLS', 4);
const rate = number('HOSTWIRE_RATE', 2000);
const timeout = 240_000 + kills * 15_000;

async function chaos(name: string, options: Pick<ChaosOptions, 'start'> & Partial<ChaosOptions>) {
  const report = await runChaos({ folder: tempDir(), kills, hosts: 20, farms: 2, rate, seed, ...options });
  process.stdout.write(`${name}, seed ${seed}: ${JSON.stringify(report)}\n`);
  return report;
}

const EXACT = { lost: 0, twice: 0, unknown: 0, left: 0 };

describe('all in one process, the embedded broker and store', () => {
  it(`holds exactly what was collected, each once, after ${kills} kills of it or of the agents`, { timeout }, async () => {
    const report = await chaos('all in one', { start: startAllInOne });
    expect(report).toMatchObject(EXACT);
    expect(report.collected).toBeGreaterThan(rate * kills * 0.5);
  });

  it('catches a server that acknowledges before its commit', { timeout: 120_000 }, async () => {
    const report = await chaos('control, all in one', {
      start: startAllInOne,
      kills: 4,
      farms: 1,
      rate: 500,
      acknowledgeEarly: true,
      everyMs: 2000,
    });
    expect(report.lost).toBeGreaterThan(0);
  });
});

systemSuite(['mosquitto', 'influxd'], 'Mosquitto, two ingest workers, InfluxDB', () => {
  it(`holds exactly what was collected, each once, after ${kills} kills of any of them or of the agents`, { timeout }, async () => {
    const report = await chaos('apart', { start: startApart });
    expect(report).toMatchObject(EXACT);
    expect(report.collected).toBeGreaterThan(rate * kills * 0.5);
  });

  it.skipIf(process.env['HOSTWIRE_KILLS'] === undefined)(
    'catches workers that acknowledge before their journal has it',
    { timeout: 120_000 },
    async () => {
      const report = await chaos('control, apart', {
        start: startApart,
        kills: 8,
        farms: 1,
        rate: 500,
        acknowledgeEarly: true,
        everyMs: 2000,
      });
      expect(report.lost).toBeGreaterThan(0);
    },
  );
});
