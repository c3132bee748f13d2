import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openEmbeddedStore } from '@hostwire/store';
import { tempDir } from '@hostwire/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { silentParts } from './silent-parts.ts';

const listen = '127.0.0.1';

async function serve(handler: RequestListener): Promise<number> {
  const server = createServer(handler);
  await new Promise<void>((done) => server.listen(0, listen, done));
  onTestFinished(() => void server.closeAllConnections());
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

describe('silentParts', () => {
  it('names none where all answer, whatever they answer', async () => {
    const embedded = await openEmbeddedStore({ directory: tempDir() });
    onTestFinished(() => embedded.close());
    const httpPort = await serve((_, response) => void response.writeHead(426).end());
    const written = embedded.createDatabase('db');
    expect(await silentParts({ embedded, listen, httpPort })).toEqual([]);
    await written;
    expect(await silentParts({ embedded: null, listen: '0.0.0.0', httpPort: null })).toEqual([]);
  });

  it('names those that fail for good or say nothing', async () => {
    const httpPort = await serve(() => undefined);
    const gone = { answers: () => Promise.reject(new Error('the writer ended')) };
    expect(await silentParts({ embedded: gone, listen, httpPort: null })).toEqual(['store']);
    const hangs = { answers: () => new Promise<void>(() => undefined) };
    expect(await silentParts({ embedded: hangs, listen, httpPort, answerMs: 200 })).toEqual(['store', 'API']);
    expect(await silentParts({ embedded: null, listen, httpPort: 9, answerMs: 200 })).toEqual(['API']);
  });
});
