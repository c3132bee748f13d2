import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { openTls } from '@hostwire/certificates';
import { Counters } from '@hostwire/model';
import { tempDir, waitFor } from '@hostwire/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { silent } from '../server.testkit.ts';
import { speakTls } from './speak-tls.ts';

it('lets a new connection take the place of the oldest that has not begun to speak, and of no other', async () => {
  const tls = await openTls({ folder: tempDir(), logger: silent });
  const counters = new Counters();
  const server = createServer((_request, response) => response.end('here'));
  const end = speakTls(server, { tls, port: 'api', allowPlain: false, movesPages: true, maxOpening: 2, counters });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  onTestFinished(() => {
    end();
    server.close();
    tls.close();
  });
  const open = async (): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  };
  const secure = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
  onTestFinished(() => void secure.destroy());
  await once(secure, 'secureConnect');
  const silentOne = (await open()).resume();
  const half = (await open()).resume();
  half.write(Buffer.from([0x16, 3, 1]));
  const [third, fourth] = [await open(), await open()];
  await waitFor(() => silentOne.closed && half.closed);
  expect(counters.get('too_many_opening{port="api"}')).toBe(2);
  expect([third.closed, fourth.closed]).toEqual([false, false]);
  let answer = '';
  secure.setEncoding('utf8').on('data', (text: string) => {
    answer += text;
  });
  secure.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await waitFor(() => answer.includes('here'));
});
