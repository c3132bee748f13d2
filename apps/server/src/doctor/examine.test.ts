import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { DeadLetters } from '@hostwire/ingest';
import { Counters } from '@hostwire/model';
import { openRegistry } from '@hostwire/registry';
import type { Finding } from '@hostwire/service/doctor';
import { freePort, smallDisk, sparseFile, systemSuite, tempDir, waitFor } from '@hostwire/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runCommandLine } from '../cli/command-line.ts';
import type { ServerOptions } from '../config/load-config.ts';
import { silent, testServer } from '../server.testkit.ts';
import { examineServer } from './examine.ts';

/** A data directory as the server makes it, and ports that nobody has. */
async function quiet(options: ServerOptions = {}): Promise<ServerOptions & { dataDir: string }> {
  return {
    dataDir: tempDir(),
    port: await freePort(),
    mqttPort: await freePort(),
    influxPort: await freePort(),
    ...options,
  } as ServerOptions & {
    dataDir: string;
  };
}

async function examine(options: ServerOptions, environment: NodeJS.ProcessEnv = {}): Promise<Finding[]> {
  return examineServer(options, environment);
}

/** The findings of a check that are not well; each of them names a cure. */
async function faults(options: ServerOptions, check: string, environment: NodeJS.ProcessEnv = {}): Promise<Finding[]> {
  const found = (await examine(options, environment)).filter((finding) => finding.check === check && finding.level !== 'ok');
  for (const { message, cure } of found) {
    expect(message).not.toBe('');
    expect(cure?.length).toBeGreaterThan(10);
  }
  return found;
}

function configFile(text: string): string {
  const file = join(tempDir(), 'hostwire.toml');
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

systemSuite(['openssl'], 'doctor on certificates', () => {
  it('finds one that is expired or about to be, that is for other names, of another key or of another CA', async () => {
    const [own, other] = [selfSigned('hostwire.example.org'), selfSigned('elsewhere.example.org')];
    const days = 86_400_000;
    const look = async (change: Record<string, unknown>, later = 0) => {
      const toml = { cert: own.cert, key: own.key, ca: own.cert, ...change };
      const tls = Object.entries(toml).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`);
      const config = configFile(`public_url = "https://hostwire.example.org:8080"\nlisten = "0.0.0.0"\n[tls]\n${tls.join('')}`);
      const found = await examineServer({ ...(await quiet()), config }, {}, () => Date.now() + later);
      return found.filter(({ check, level }) => check === 'certificate' && level !== 'ok');
    };
    expect(await look({})).toEqual([]);
    expect(await look({}, 20 * days)).toMatchObject([
      { level: 'warning', message: expect.stringContaining('expires in 10 d'), cure: expect.stringContaining('renew it') },
    ]);
    expect(await look({}, 40 * days)).toMatchObject([{ level: 'error', message: expect.stringContaining('expired 10 d ago') }]);
    expect(await look({}, -2 * days)).toMatchObject([
      { level: 'error', message: expect.stringContaining('not valid before'), cure: expect.stringContaining('clock') },
    ]);
    expect(await look({ names: ['hostwire.lan'] })).toMatchObject([
      { level: 'error', message: expect.stringContaining('is not for hostwire.lan') },
    ]);
    expect(await look({ key: other.key })).toMatchObject([{ level: 'error', message: expect.stringContaining('does not belong') }]);
    expect(await look({ ca: other.cert })).toMatchObject([
      { level: 'error', message: expect.stringContaining('does not come from the CA'), cure: expect.stringContaining('tls.ca') },
    ]);
    expect(await look({ cert: join(tempDir(), 'none.pem') })).toMatchObject([
      { level: 'error', message: expect.stringContaining('ENOENT') },
    ]);
  });
});

/** For 30 days; files in a folder that is gone when the test ends. */
function selfSigned(name: string): { cert: string; key: string } {
  const folder = tempDir();
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert];
  execFileSync('openssl', ['req', '-x509', ...curve, '-days', '30', '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`], {
    stdio: 'ignore',
  });
  return { cert, key };
}

describe('doctor', () => {
  it('finds what is open to the network without TLS, and names no secret', async () => {
    const options = { ...(await quiet()), listen: '0.0.0.0', allowPlain: true, brokerUrl: 'mqtt://broker.example.org' };
    expect(await faults(options, 'transport')).toMatchObject([
      { level: 'warning', cure: expect.stringContaining('tls.allow_plain') },
      { level: 'warning', cure: expect.stringContaining('broker.ca') },
    ]);
  });

  it('goes by what the running server listens on, whatever this command was told', async () => {
    const options = await quiet();
    await testServer({ ...options, mqttsPort: await freePort(), listen: '0.0.0.0' });
    expect((await examine(options)).filter(({ check }) => check === 'transport')).toMatchObject([
      { level: 'ok', message: 'other machines reach the server by TLS alone' },
    ]);
  });

  it('finds nothing wrong beside a running server, says that none runs where none does, and changes nothing', async () => {
    const dataDir = tempDir();
    const options = { dataDir, port: await freePort(), mqttPort: await freePort(), influxPort: await freePort() };
    const server = await testServer(options);
    const findings = await examine(options);
    expect(findings.filter(({ level }) => level !== 'ok')).toEqual([]);
    expect(findings.map(({ check }) => check)).toEqual(
      expect.arrayContaining(['configuration', 'ports', 'server', 'broker', 'clock', 'hosts']),
    );
    expect(findings.find(({ check }) => check === 'server')?.message).toMatch(/runs: version \d.*roles broker, ingest, alerts, api/);
    await server.server.close();

    const before = listing(dataDir);
    const after = await examine(options);
    expect(listing(dataDir)).toEqual(before);
    expect(after.filter(({ level }) => level !== 'ok')).toMatchObject([
      { check: 'server', level: 'warning', cure: expect.stringContaining('systemctl start') },
    ]);
  });

  it('ends with 1 where there is an error and 0 where there is none, as lines for people or as JSON', async () => {
    const dataDir = tempDir();
    const output = captured();
    expect(
      await runCommandLine([
        'node',
        'hostwire',
        'doctor',
        '--json',
        '--data-dir',
        dataDir,
        '--port',
        '0',
        '--mqtt-port',
        '0',
        '--influx-port',
        '0',
      ]),
    ).toBe(0);
    const body = JSON.parse(output.take()) as { ok: boolean; findings: Finding[] };
    expect(body.ok).toBe(true);
    for (const finding of body.findings) expect(Object.keys(finding).sort()).toEqual(['check', 'cure', 'level', 'message']);
    expect(await runCommandLine(['node', 'hostwire', 'doctor', '--config', configFile('portt = 1\n')])).toBe(1);
    expect(output.take()).toMatch(
      /^error {4}configuration {2}.*did you mean port\?\n +-> correct it in line 1.*\n\n1 error, 0 warnings, 0 ok\n$/,
    );
  });

  it('finds a key that is misspelt, and every other problem of a configuration', async () => {
    const file = configFile('mqttport = 1\n[store]\nkind = "influxdb"\npassword = "s3cret-value"\n');
    const found = await faults({ config: file, dataDir: tempDir() }, 'configuration');
    expect(found.map(({ level }) => level)).toEqual(['error', 'error', 'error']);
    expect(found[0]).toMatchObject({
      message: expect.stringContaining('did you mean mqtt_port?'),
      cure: expect.stringContaining('line 1'),
    });
    expect(JSON.stringify(found)).not.toContain('s3cret-value');
    expect(await faults({ config: join(tempDir(), 'none.toml') }, 'configuration')).toMatchObject([
      { message: expect.stringContaining('cannot be read (ENOENT)') },
    ]);
  });

  it('finds a port that another program has, and names it', async () => {
    const other = createServer();
    await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    expect(await faults(await quiet({ mqttPort: port }), 'ports')).toMatchObject([
      {
        level: 'error',
        message: expect.stringMatching(new RegExp(`port ${port} on 127.0.0.1, wanted for MQTT, is in use by .*process ${process.pid}`)),
        cure: expect.stringContaining('--mqtt-port'),
      },
    ]);
    expect(await faults(await quiet({ listen: '203.0.113.9' }), 'ports')).toMatchObject(
      Array(3).fill({ message: expect.stringContaining('no interface') }),
    );
  });

  it('finds a data directory that is a file, or on a disk that is full or read-only', async ({ skip }) => {
    const file = join(tempDir(), 'file');
    writeFileSync(file, '');
    expect(await faults(await quiet({ dataDir: file }), 'data directory')).toMatchObject([
      { level: 'error', cure: expect.stringContaining('data_dir') },
    ]);
    const disk = smallDisk(16);
    if (disk === null) return skip();
    writeFileSync(join(disk.folder, 'ballast'), Buffer.alloc(15 * 1024 * 1024));
    expect(await faults(await quiet({ dataDir: disk.folder }), 'disk')).toMatchObject([
      { level: 'warning', message: expect.stringContaining('nearly full'), cure: expect.stringContaining('free some room') },
    ]);
    writeFileSync(join(disk.folder, 'more'), Buffer.alloc(900 * 1024));
    expect(await faults(await quiet({ dataDir: disk.folder }), 'disk')).toMatchObject([
      { level: 'error', message: expect.stringContaining('the disk is full') },
    ]);
    disk.remount('ro');
    expect(await faults(await quiet({ dataDir: disk.folder }), 'data directory')).toMatchObject([
      { level: 'error', message: expect.stringContaining('mounted read-only'), cure: expect.stringContaining('read-write') },
    ]);
  });

  it('finds secrets that others may read', async () => {
    const options = await quiet();
    writeFileSync(join(options.dataDir, 'internal.token'), 'x');
    chmodSync(join(options.dataDir, 'internal.token'), 0o644);
    const config = configFile('[broker]\nurl = "mqtt://127.0.0.1:1"\nusername = "u"\npassword = "s3cret-value"\n');
    chmodSync(config, 0o640);
    const found = await faults({ ...options, config }, 'permissions');
    expect(found).toMatchObject([
      { level: 'error', message: expect.stringMatching(/internal\.token.*0644/), cure: expect.stringContaining('chmod 600') },
      { level: 'warning', message: expect.stringMatching(/hostwire\.toml.*0640/), cure: expect.stringContaining('chmod 600') },
    ]);
    expect(JSON.stringify(found)).not.toContain('s3cret-value');
    chmodSync(options.dataDir, 0o755);
    expect(await faults(options, 'data directory')).toMatchObject([{ level: 'warning', cure: `chmod 700 ${options.dataDir}` }]);
  });

  it.runIf(process.getuid?.() === 0)('finds what a command that ran as root left in the directory of another user', async () => {
    const options = await quiet();
    await (await openRegistry({ file: join(options.dataDir, 'registry.db') })).close();
    chownSync(options.dataDir, 65534, 65534);
    expect(await faults(options, 'data directory')).toMatchObject([
      { level: 'error', message: expect.stringContaining('registry.db'), cure: expect.stringContaining('chown -R') },
    ]);
  });

  it('finds a broker that is not there, speaks no MQTT, or refuses the credentials', async () => {
    const server = await testServer();
    const username = 'hostwire-server';
    const broker = (url: string) =>
      quiet().then((options) =>
        faults({ ...options, brokerUrl: url }, 'broker', { HOSTWIRE_BROKER_USERNAME: username, HOSTWIRE_BROKER_PASSWORD: 'wr0ng' }),
      );
    expect(await broker(`mqtt://127.0.0.1:${await freePort()}`)).toMatchObject([
      { level: 'error', message: expect.stringContaining('nothing listens there'), cure: expect.stringContaining('HOSTWIRE_BROKER_URL') },
    ]);
    expect(await broker(`mqtt://127.0.0.1:${server.server.ports.http}`)).toMatchObject([
      { level: 'error', message: expect.stringContaining('does not speak MQTT') },
    ]);
    expect(await broker(`mqtts://127.0.0.1:${server.server.ports.mqtt}`)).toMatchObject([
      { level: 'error', message: expect.stringMatching(/TLS/i) },
    ]);
    const refused = await broker(`mqtt://127.0.0.1:${server.server.ports.mqtt}`);
    expect(refused).toMatchObject([
      {
        level: 'error',
        message: expect.stringContaining('refused the credentials'),
        cure: expect.stringContaining('HOSTWIRE_BROKER_PASSWORD'),
      },
    ]);
    expect(JSON.stringify(refused)).not.toContain('wr0ng');
  });

  it('finds an InfluxDB that is not there, refuses the credentials, is none, or has another clock', async () => {
    const server = await testServer();
    const influx = (influxUrl: string, environment: NodeJS.ProcessEnv = {}) =>
      quiet().then((options) => faults({ ...options, store: 'influxdb', influxUrl }, 'series store', environment));
    expect(await influx(`http://127.0.0.1:${await freePort()}`)).toMatchObject([
      { level: 'error', message: expect.stringContaining('ECONNREFUSED'), cure: expect.stringContaining('HOSTWIRE_INFLUX_URL') },
    ]);
    const own = `http://127.0.0.1:${server.server.ports.influx}`;
    expect(await influx(own, { HOSTWIRE_INFLUX_TOKEN: 'wr0ng' })).toMatchObject([
      { level: 'error', message: expect.stringContaining('refuses the token'), cure: expect.stringContaining('HOSTWIRE_INFLUX_TOKEN') },
    ]);
    expect(await influx(await webServer({}))).toMatchObject([{ level: 'error', message: expect.stringContaining('is not InfluxDB') }]);
    const late = await webServer({ 'x-influxdb-version': '1.8.10', date: new Date(Date.now() + 20 * 60_000).toUTCString() });
    expect(await faults({ ...(await quiet()), store: 'influxdb', influxUrl: late }, 'clock')).toMatchObject([
      { level: 'error', message: expect.stringContaining('20 min behind that of InfluxDB'), cure: expect.stringContaining('set-ntp') },
    ]);
  });

  it('finds a registry that a newer program has written, or that is damaged, and leaves it alone', async () => {
    const options = await quiet();
    const file = join(options.dataDir, 'registry.db');
    await (await openRegistry({ file })).close();
    expect(await faults(options, 'registry')).toEqual([]);
    const newer =
      "const Database = require('libsql'); new Database(process.argv[1]).exec(\"update meta set value = 999 where key = 'schema'\")";
    execFileSync(process.execPath, ['-e', newer, file]);
    expect(await faults(options, 'registry')).toMatchObject([
      { level: 'error', message: expect.stringContaining('schema 999'), cure: expect.stringContaining('update hostwire') },
    ]);
    writeFileSync(file, 'this is no database, whatever its name is'.repeat(300));
    expect(await faults(options, 'registry')).toMatchObject([
      { level: 'error', message: expect.stringContaining('damaged'), cure: expect.stringContaining('backup') },
    ]);
    expect(await faults({ ...options, databaseUrl: `postgres://me@127.0.0.1:${await freePort()}/x` }, 'registry')).toMatchObject([
      { level: 'error', message: expect.stringContaining('does not answer'), cure: expect.stringContaining('PostgreSQL') },
    ]);
  });

  it('finds damaged files of the store, a journal that is full, and messages that were set aside', async () => {
    const options = await quiet();
    mkdirSync(join(options.dataDir, 'series', 'raw'), { recursive: true });
    writeFileSync(join(options.dataDir, 'series', 'raw', '2026-01-01.db.bad'), '');
    writeFileSync(join(options.dataDir, 'series', 'hot.db'), 'garbage that is longer than a header');
    expect(await faults(options, 'series store')).toMatchObject([
      { level: 'error', message: expect.stringContaining('hot.db is damaged'), cure: expect.stringContaining('backup') },
      { level: 'warning', message: expect.stringContaining('set aside') },
    ]);
    sparseFile(join(options.dataDir, 'journal', '1', '0000000000000001.seg'), 16 * 1024 * 1024);
    const small = { HOSTWIRE_JOURNAL_MAX_BYTES: String(16 * 1024 * 1024) };
    expect(await faults({ ...options, store: 'influxdb', influxUrl: 'http://127.0.0.1:9' }, 'journal', small)).toMatchObject([
      { level: 'error', message: expect.stringContaining('it is full'), cure: expect.stringContaining('journal.max_bytes') },
    ]);
    const letters = new DeadLetters({
      folder: join(options.dataDir, 'dead-letters'),
      maxBytes: 1e6,
      counters: new Counters(),
      logger: silent,
    });
    await letters.add({ topic: 'hostwire/v1/x/sample/fast', payload: Buffer.from('{'), reason: 'not-json', message: 'it is no JSON' });
    expect(await faults(options, 'dead letters')).toMatchObject([
      { level: 'warning', message: expect.stringContaining('1 not-json'), cure: expect.stringContaining('deadletter list') },
    ]);
  });

  it('finds that there is nothing to install on hosts that enrol, or not what its checksum says', async () => {
    const downloads = tempDir();
    const config = configFile(`listen = "0.0.0.0"\ndownloads_dir = "${downloads}"\n`);
    const options = { ...(await quiet()), config };
    expect(await faults(options, 'downloads')).toMatchObject([{ level: 'warning', cure: expect.stringContaining('npm run package') }]);
    const archive = 'hostwire-agent-0.1.0-linux-x64.tar.gz';
    writeFileSync(join(downloads, archive), 'half of it');
    expect(await faults(options, 'downloads')).toMatchObject([{ level: 'error', message: expect.stringContaining('no SHA256SUMS') }]);
    writeFileSync(join(downloads, 'SHA256SUMS'), `${'0'.repeat(64)}  ${archive}\n`);
    expect(await faults(options, 'downloads')).toMatchObject([
      { level: 'error', message: expect.stringContaining(`${archive} does not fit`) },
    ]);
    writeFileSync(join(downloads, 'SHA256SUMS'), `${createHash('sha256').update('half of it').digest('hex')}  ${archive}\n`);
    expect(await faults(options, 'downloads')).toEqual([]);
  });

  it('finds alert rules that cannot be read', async () => {
    const rules = join(tempDir(), 'rules.toml');
    writeFileSync(rules, '[[rule]]\nnmae = "x"\n');
    expect(await faults({ ...(await quiet()), rules }, 'alert rules')).toMatchObject([
      { level: 'error', message: expect.stringContaining('nmae'), cure: expect.stringContaining(rules) },
    ]);
  });

  it('finds two agents with one identity, and hosts that never came', async () => {
    const dataDir = tempDir();
    const server = await testServer({ dataDir });
    const host = await server.host('pve1');
    await server.server.registry.hosts.add('pi-02');
    const send = (run: string) => host.send({ cpu: [{ tags: { cpu: 'cpu-total' }, fields: { usage_active: 1 } }] }, { run, interval: 1 });
    await send('older');
    await waitFor(
      async () => {
        await send('newer');
        await send('older');
        return server.server.live.get('pve1')?.conflict !== null;
      },
      { interval: 200, what: 'the conflict' },
    );
    await waitFor(() => server.server.live.get('pi-02'));
    const found = await faults({ dataDir, port: 0, mqttPort: 0, influxPort: 0 }, 'hosts');
    expect(found).toContainEqual(expect.objectContaining({ level: 'error', message: 'two agents run with the identity of pve1' }));
    expect(found).toContainEqual(expect.objectContaining({ level: 'warning', message: 'pi-02 was added and has never connected' }));
  });
});

/** Answers everything with 200 and these headers. */
async function webServer(headers: Record<string, string>): Promise<string> {
  const server = createHttpServer((_request, response) => void response.writeHead(200, headers).end('{}'));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Names, sizes and times of all files. */
function listing(folder: string): string[] {
  return readdirSync(folder, { recursive: true })
    .map(String)
    .sort()
    .map((name) => {
      const { size, mtimeMs, mode } = statSync(join(folder, name));
      return `${name} ${size} ${mtimeMs} ${mode}`;
    });
}

/** Standard output, taken away from the terminal until the test ends. */
function captured(): { take(): string } {
  let text = '';
  const write = process.stdout.write;
  process.stdout.write = ((chunk: string) => {
    text += chunk;
    return true;
  }) as typeof process.stdout.write;
  onTestFinished(() => {
    process.stdout.write = write;
  });
  return {
    take() {
      const taken = text;
      text = '';
      return taken;
    },
  };
}
