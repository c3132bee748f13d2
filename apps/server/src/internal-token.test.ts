import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '@hostwire/testkit';
import { expect, it } from 'vitest';
import { internalToken } from './internal-token.ts';
import { testServer } from './server.testkit.ts';

it('is made once, for the owner alone, and the same for all who ask', async () => {
  const dir = tempDir();
  const token = internalToken(dir);
  expect(token).toMatch(/^hwi_[A-Za-z0-9_-]{43}$/);
  expect(internalToken(dir)).toBe(token);
  expect(readdirSync(dir)).toEqual(['internal.token']);
  expect(statSync(join(dir, 'internal.token')).mode & 0o777).toBe(0o600);
});

it('is refused where the file holds none', () => {
  const dir = tempDir();
  writeFileSync(join(dir, 'internal.token'), '');
  expect(() => internalToken(dir)).toThrow(/internal\.token[\s\S]*remove it/);
});

it('opens the InfluxDB port for reading and writing', async () => {
  const dataDir = tempDir();
  const { server } = await testServer({ dataDir });
  const authorization = `Token ${internalToken(dataDir)}`;
  const url = `http://127.0.0.1:${server.ports.influx}`;
  const written = await fetch(`${url}/write?db=hostwire`, { method: 'POST', body: 'cpu,host=a usage=1', headers: { authorization } });
  expect(written.status).toBe(204);
  expect((await fetch(`${url}/query?db=hostwire&q=SELECT+*+FROM+cpu`, { headers: { authorization } })).status).toBe(200);
  expect((await fetch(`${url}/query?db=hostwire&q=SELECT+*+FROM+cpu`, { headers: { authorization: `${authorization}x` } })).status).toBe(
    401,
  );
});
