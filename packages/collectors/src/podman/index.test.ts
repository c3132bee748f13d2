import { AccessError, type HttpAnswer } from '@hostwire/host-access';
import { describe, expect, it } from 'vitest';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { podman } from './index.ts';

const ROOT = 'unix:/run/podman/podman.sock';
const ANNA = 'unix:/run/user/1000/podman/podman.sock';
const said = (body: unknown): HttpAnswer => ({ status: 200, headers: {}, body: JSON.stringify(body) });
const engine = (socket: string, name: string): TreeHost['requests'] => ({
  [`${socket} /_ping`]: said('OK'),
  [`${socket} /info`]: said({ Name: 'box', ServerVersion: '4.3.1' }),
  [`${socket} /containers/json?all=1`]: said([{ Id: 'ab', Names: [`/${name}`], Image: 'base', State: 'exited', Status: 'Exited (0)' }]),
  [`${socket} /containers/ab/json`]: said({ State: { Status: 'exited', ExitCode: 0 }, Config: { Env: ['SECRET'] } }),
});
const host = (requests: TreeHost['requests'], uids: readonly string[] = ['1000']) =>
  new TreeHost({
    files: {
      '/etc/passwd': 'anna:x:1000:1000::/home/anna:/bin/sh\n',
      ...Object.fromEntries(uids.map((uid) => [`/run/user/${uid}/bus`, ''])),
    },
    requests,
  });

describe('podman', () => {
  it('gives the containers of root and of users, told apart though they have one name', async () => {
    const readings = new Readings(podman);
    const rows = await readings.readAll(host({ ...engine(ROOT, 'web'), ...engine(ANNA, 'web') }));
    expect(rows['docker_container_status']?.map(({ tags }) => [tags?.['engine_user'], tags?.['container_name']])).toEqual([
      [undefined, 'web'],
      ['anna', 'web'],
    ]);
    expect(rows['docker']).toHaveLength(2);
    expect(readings.reported).toEqual([]);
  });

  it('goes on without a socket that is not there or may not be used, and reports one that fails', async () => {
    const readings = new Readings(podman);
    const broken = { [`${ANNA} /info`]: { status: 500, headers: {}, body: '' }, [`${ANNA} /containers/json?all=1`]: said([]) };
    const rows = await readings.readAll(host({ ...engine(ROOT, 'web'), ...broken }, ['1000', '1001', 'odd']));
    expect(rows['docker_container_status']).toHaveLength(1);
    expect(readings.reported).toMatchObject([{ code: 'status-500' }]);
    await expect(new Readings(podman).readAll(host(broken))).rejects.toMatchObject({ code: 'status-500' });
    await expect(new Readings(podman).readAll(host({}))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('is available where one engine answers, else it says what to do', async () => {
    expect(await podman.probe(host(engine(ANNA, 'web')), {})).toEqual({ available: true });
    const denied = new AccessError('EACCES', 'permission denied');
    expect(await podman.probe(host({ [`${ROOT} /_ping`]: denied }), {})).toMatchObject({
      available: false,
      hint: expect.stringContaining('SocketGroup'),
    });
    expect(await podman.probe(host({}, []), {})).toMatchObject({ available: false, reason: expect.stringContaining('podman.socket') });
  });
});
