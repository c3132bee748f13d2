import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { openTls } from '@hostwire/certificates';
import { tempDir } from '@hostwire/testkit';
import { tryConnection } from '@hostwire/transport';
import { describe, expect, it, onTestFinished } from 'vitest';
import { silent, testServer } from '../src/server.testkit.ts';

const DAY_MS = 86_400_000;

/** A port with a certificate of its own, made then. */
async function portOf(now: number): Promise<{ port: number; ca: string }> {
  const tls = await openTls({ folder: join(tempDir(), 'tls'), machineNames: () => ['localhost'], logger: silent, now: () => now });
  const server = createServer(tls.context(), (socket) => socket.on('error', () => undefined)).on('tlsClientError', () => undefined);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => {
    tls.close();
    server.close();
  });
  return { port: (server.address() as { port: number }).port, ca: tls.state().ca ?? '' };
}

describe('what a host that cannot connect says', () => {
  it('tells a wrong CA, a wrong name, an end, a clock, and a port of another kind apart', async () => {
    const dataDir = tempDir();
    const { server } = await testServer({ dataDir, listen: '0.0.0.0' });
    const { http, mqtt, mqtts } = server.ports;
    const ca = readFileSync(join(dataDir, 'tls', 'ca.pem'), 'utf8');
    const said = async (url: string, trusted: string | undefined = ca): Promise<string> => {
      const tls = trusted === '' ? {} : { ca: trusted };
      const failure = await tryConnection({ url, clientId: 'pi-04', username: 'pi-04', password: 'x', tls });
      return `${failure?.kind}: ${failure?.message}`;
    };
    const old = await portOf(Date.now() - 500 * DAY_MS);
    const young = await portOf(Date.now() + 500 * DAY_MS);

    expect(await said(`mqtts://localhost:${mqtts}`)).toMatch(/^auth: /);
    expect(await said(`wss://localhost:${http}/mqtt`)).toMatch(/^auth: /);
    for (const url of [`mqtts://localhost:${mqtts}`, `wss://localhost:${http}/mqtt`]) {
      expect(await said(url, old.ca)).toMatch(
        /^tls: the certificate of the server is of no CA that is trusted here .*enrol this host again/,
      );
      expect(await said(url, '')).toMatch(/^tls: .* no CA that is trusted here/);
    }
    expect(await said(`mqtts://127.0.0.9:${mqtts}`)).toMatch(/^tls: .* does not stand for 127.0.0.9 but for .*localhost.*tls.names/);
    expect(await said(`mqtts://localhost:${old.port}`, old.ca)).toMatch(/^tls: the certificate of the server has expired; .*clock/);
    expect(await said(`mqtts://localhost:${young.port}`, young.ca)).toMatch(/^tls: .* is not valid yet; .*clock/);
    expect(await said(`mqtts://localhost:${mqtt}`)).toMatch(/^tls: the port does not speak TLS; .*8883/);
    expect(await said(`mqtt://localhost:${mqtts}`)).toMatch(/with TLS or without as the URL says/);
    expect(await said(`mqtts://localhost:${http}`)).toMatch(/^(refused|closed): .*(does not speak MQTT|an MQTT port)/);
  });
});
