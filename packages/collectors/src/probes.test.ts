import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Capability, CollectError, Fields, Row } from '@hostwire/model';
import { findCommand, systemSuite } from '@hostwire/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('ask-here.testkit.ts', import.meta.url));

interface Asked {
  readonly capabilities: Record<string, Capability>;
  readonly data: Record<string, Row[]>;
  readonly errors: CollectError[];
  readonly durations: Record<string, number>;
}

const mayBeApart = findCommand('unshare') !== null && spawnSync('unshare', ['--net', 'true']).status === 0;

/** Ports in a network of its own: whoever else runs here has them too. */
const [PLAIN, TRUSTED, WRONG, EXPIRED, CLOSED] = [8080, 8443, 8444, 8445, 8099] as const;
/** Behind a device that nobody reads from: packets go out and nothing ever comes. */
const NOWHERE = '192.0.2.9';
const SLOW_MS = 1000;

const NETWORK = [
  'ip link set lo up',
  'ip tuntap add mode tun name hole',
  'ip addr add 192.0.2.1/24 dev hole',
  'ip link set hole up',
  '"$1" -c "$2" || exit 1',
  'pid=$(cat "$2.pid")',
  'shift 2',
  '"$@"',
  'status=$?',
  'kill "$pid"',
  'exit $status',
].join('\n');

systemSuite(['nginx', 'openssl', 'unshare', 'ip', 'ping', 'busybox'], 'probes of real servers', () => {
  describe.runIf(mayBeApart || process.env['HOSTWIRE_REQUIRE_SYSTEM'] === '1')('in a network of their own', () => {
    const folder = mkdtempSync(join(tmpdir(), 'hostwire-probes-'));
    let asked: Asked;

    beforeAll(async () => {
      makeCertificates(folder);
      writeFileSync(join(folder, 'nginx.conf'), nginxConfig(folder));
      asked = await ask(folder, {
        http_response: {
          targets: [
            { url: `http://127.0.0.1:${PLAIN}/well?token=canary`, expect_text: 'all is well' },
            { url: `http://127.0.0.1:${PLAIN}/other`, expect_text: 'all is well' },
            { url: `http://127.0.0.1:${PLAIN}/broken` },
            { url: `http://127.0.0.1:${PLAIN}/moved` },
            { url: `http://127.0.0.1:${PLAIN}/moved`, name: 'moved for good', expect_status: 301 },
            { url: `http://127.0.0.1:${PLAIN}/well`, name: 'not 204', expect_status: 204, method: 'HEAD' },
            { url: `https://localhost:${TRUSTED}/well` },
            { url: `https://localhost:${WRONG}/well` },
            { url: `https://localhost:${EXPIRED}/well` },
            { url: `https://localhost:${EXPIRED}/well`, name: 'expired, but taken', insecure: true },
            { url: `http://127.0.0.1:${CLOSED}/` },
            { url: `http://${NOWHERE}/`, timeout_seconds: SLOW_MS / 1000 },
            { url: 'http://nosuch.invalid/' },
          ],
        },
        net_response: {
          targets: [
            { host: '127.0.0.1', port: PLAIN, send: 'GET /well HTTP/1.0\r\n\r\n', expect: 'all is well' },
            { host: 'localhost', port: PLAIN, send: 'GET /well HTTP/1.0\r\n\r\n', expect: 'SSH-2.0' },
            { socket: join(folder, 'nginx.sock') },
            { socket: join(folder, 'none.sock') },
            { host: '127.0.0.1', port: CLOSED },
            { host: NOWHERE, port: 80, timeout_seconds: SLOW_MS / 1000 },
          ],
        },
        x509_cert: {
          targets: [
            { host: 'localhost', port: TRUSTED },
            { host: 'localhost', port: WRONG },
            { host: '127.0.0.1', port: WRONG, server_name: 'other.example' },
            { host: 'localhost', port: EXPIRED },
            { host: '127.0.0.1', port: PLAIN },
            { host: '127.0.0.1', port: CLOSED },
            { host: NOWHERE, timeout_seconds: SLOW_MS / 1000 },
            { file: join(folder, 'expired.crt') },
            { file: join(folder, 'none.crt') },
          ],
        },
        ping: { targets: [{ host: '127.0.0.1', count: 2 }, { host: NOWHERE, count: 1, timeout_seconds: 1 }, { host: 'nosuch.invalid' }] },
        dns_query: { targets: [{ domain: 'example.org', server: '127.0.0.1', timeout_seconds: SLOW_MS / 1000 }] },
      });
    });

    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    const fieldsOf = (measurement: string, tags: Readonly<Record<string, string>>): Fields => {
      const rows = (asked.data[measurement] ?? []).filter((row) => Object.entries(tags).every(([tag, value]) => row.tags?.[tag] === value));
      expect(rows, `${measurement} ${JSON.stringify(tags)}`).toHaveLength(1);
      return rows[0]?.fields ?? {};
    };

    it('are rows, one for each target, and no errors', () => {
      expect(asked.errors).toEqual([]);
      expect(Object.values(asked.capabilities).every(({ available }) => available)).toBe(true);
      expect(Object.fromEntries(Object.entries(asked.data).map(([name, rows]) => [name, rows.length]))).toEqual({
        http_response: 13,
        net_response: 6,
        x509_cert: 13,
        ping: 3,
        dns_query: 1,
      });
      expect(JSON.stringify(asked)).not.toContain('canary');
    });

    it.each([
      ['/well', { result: 'success', result_code: 0, status_code: '200', response_string_match: 1, content_length: 12 }],
      ['/other', { result: 'response_string_mismatch', result_code: 1, response_string_match: 0 }],
      ['/broken', { result: 'response_status_code_mismatch', result_code: 6, http_response_code: 500 }],
      ['/moved', { result: 'success', result_code: 0, http_response_code: 301 }],
    ])('http: %s', (path, expected) => {
      expect(fieldsOf('http_response', { server: `http://127.0.0.1:${PLAIN}${path}` })).toMatchObject(expected);
    });

    it.each([
      ['moved for good', { result: 'success', response_status_code_match: 1 }],
      ['not 204', { result: 'response_status_code_mismatch', response_status_code_match: 0, http_response_code: 200 }],
      ['expired, but taken', { result: 'success', http_response_code: 200 }],
      [`https://localhost:${TRUSTED}/well`, { result: 'success', http_response_code: 200 }],
      [`https://localhost:${WRONG}/well`, { result: 'connection_failed', result_code: 3, error: 'ERR_TLS_CERT_ALTNAME_INVALID' }],
      [`https://localhost:${EXPIRED}/well`, { result: 'connection_failed', error: 'CERT_HAS_EXPIRED' }],
      [`http://127.0.0.1:${CLOSED}/`, { result: 'connection_failed', error: 'ECONNREFUSED' }],
      [`http://${NOWHERE}/`, { result: 'timeout', result_code: 4 }],
      ['http://nosuch.invalid/', { result: 'dns_error', result_code: 5 }],
    ])('http: %s', (server, expected) => {
      expect(fieldsOf('http_response', { server })).toMatchObject(expected);
    });

    it('tell where the time went, and nobody waits for one that does not answer', () => {
      const { response_time, dns_ms, connect_ms, tls_ms, first_byte_ms } = fieldsOf('http_response', {
        server: `https://localhost:${TRUSTED}/well`,
      });
      for (const part of [connect_ms, tls_ms, first_byte_ms, response_time]) expect(part).toBeGreaterThan(0);
      const parts = [dns_ms, connect_ms, tls_ms, first_byte_ms].reduce((sum: number, part) => sum + Number(part), 0);
      expect(Number(response_time) * 1000).toBeGreaterThanOrEqual(parts - 1);
      expect(fieldsOf('http_response', { server: `http://127.0.0.1:${PLAIN}/broken` })['response_time']).toBeLessThan(SLOW_MS / 1000);
      for (const collector of ['http_response', 'net_response', 'x509_cert']) {
        expect(asked.durations[collector], collector).toBeGreaterThanOrEqual(SLOW_MS - 1);
        expect(asked.durations[collector], collector).toBeLessThan(SLOW_MS * 2);
      }
    });

    it.each([
      [
        { server: '127.0.0.1', port: String(PLAIN) },
        { result: 'success', result_code: 0, string_found: true },
      ],
      [
        { server: 'localhost', port: String(PLAIN) },
        { result: 'read_failed', result_code: 3, string_found: false },
      ],
      [{ server: join(folder, 'nginx.sock'), protocol: 'unix' }, { result: 'success' }],
      [{ server: join(folder, 'none.sock') }, { result: 'connection_failed', result_code: 2, error: 'ENOENT' }],
      [{ port: String(CLOSED) }, { result: 'connection_failed', error: 'ECONNREFUSED' }],
      [{ server: NOWHERE }, { result: 'timeout', result_code: 1 }],
    ])('net: %j', (tags, expected) => {
      expect(fieldsOf('net_response', tags)).toMatchObject(expected);
    });

    it.each([
      [
        { source: `tcp://localhost:${TRUSTED}`, type: 'leaf' },
        { verification: 'valid', verification_code: 0, result: 'success' },
      ],
      [{ source: `tcp://localhost:${TRUSTED}`, type: 'root' }, { verification: 'valid' }],
      [
        { source: `tcp://localhost:${WRONG}`, type: 'leaf' },
        { verification: 'invalid', verification_error: 'ERR_TLS_CERT_ALTNAME_INVALID' },
      ],
      [
        { source: `tcp://127.0.0.1:${WRONG}#other.example`, type: 'leaf' },
        { verification: 'valid', san: 'other.example', issuer_common_name: 'probes' },
      ],
      [
        { source: `tcp://localhost:${EXPIRED}`, type: 'leaf' },
        { verification: 'invalid', verification_code: 1, verification_error: 'CERT_HAS_EXPIRED' },
      ],
      [{ source: `tcp://127.0.0.1:${PLAIN}` }, { result: 'connection_failed', result_code: 2 }],
      [{ source: `tcp://127.0.0.1:${CLOSED}` }, { result: 'connection_failed', error: 'ECONNREFUSED' }],
      [{ source: `tcp://${NOWHERE}:443` }, { result: 'timeout', result_code: 1 }],
      [{ source: join(folder, 'expired.crt') }, { verification: 'invalid', verification_error: 'CERT_HAS_EXPIRED' }],
      [{ source: join(folder, 'none.crt') }, { result: 'unreadable', error: 'ENOENT' }],
    ])('certificates: %j', (tags, expected) => {
      expect(fieldsOf('x509_cert', tags)).toMatchObject(expected);
    });

    it('certificates: how long they are valid', () => {
      const day = 86_400;
      expect(fieldsOf('x509_cert', { source: `tcp://localhost:${TRUSTED}`, type: 'leaf' })['expiry']).toBeGreaterThan(9 * day);
      for (const source of [`tcp://localhost:${EXPIRED}`, join(folder, 'expired.crt')]) {
        const { expiry } = fieldsOf('x509_cert', { source, type: 'leaf' });
        expect(expiry).toBeLessThanOrEqual(-day);
        expect(expiry).toBeGreaterThan(-2 * day);
      }
    });

    it('ping: by iputils', () => {
      expect(fieldsOf('ping', { url: '127.0.0.1' })).toMatchObject({
        result: 'success',
        packets_transmitted: 2,
        packets_received: 2,
        percent_packet_loss: 0,
        ttl: 64,
      });
      expect(fieldsOf('ping', { url: NOWHERE })).toMatchObject({ result: 'no_reply', result_code: 1, percent_packet_loss: 100 });
      expect(fieldsOf('ping', { url: 'nosuch.invalid' })).toEqual({ result: 'unknown_host', result_code: 1 });
    });

    it('dns: a server that is not there', () => {
      expect(fieldsOf('dns_query', { domain: 'example.org' })).toMatchObject({
        result: expect.stringMatching(/^(error|timeout)$/) as string,
      });
    });
  });
});

/** What the collectors say in a network with a web server, closed ports, and one address that never answers. */
function ask(folder: string, options: object): Promise<Asked> {
  const tsx = ['--conditions=@hostwire/source', '--import', 'tsx'];
  const argv = [findCommand('nginx') ?? '', join(folder, 'nginx.conf'), process.execPath, ...tsx, script, JSON.stringify(options)];
  const child = spawn('unshare', ['--net', 'sh', '-c', NETWORK, 'sh', ...argv], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      NODE_PATH: '',
      NODE_EXTRA_CA_CERTS: join(folder, 'authority.crt'),
      PATH: `${process.env['PATH']}:/usr/sbin:/sbin`,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(stdout) as Asked);
      else reject(new Error(`the probes ended with ${code}: ${stderr}`));
    });
  });
}

/** An authority and three certificates of it: a right one, one that has expired, one for another name. */
function makeCertificates(folder: string): void {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', 'authority.key', '-out', 'authority.crt', '-subj', '/CN=probes', '-days', '30');
  for (const [file, name, days] of [
    ['right', 'localhost', '10'],
    ['wrong', 'other.example', '10'],
    ['expired', 'localhost', '-1'],
  ] as const) {
    openssl(
      'req',
      ...key,
      '-keyout',
      `${file}.key`,
      '-out',
      `${file}.csr`,
      '-subj',
      `/CN=${name}`,
      '-addext',
      `subjectAltName=DNS:${name}`,
    );
    const authority = ['-CA', 'authority.crt', '-CAkey', 'authority.key', '-CAcreateserial'];
    openssl('x509', '-req', '-in', `${file}.csr`, ...authority, '-days', days, '-copy_extensions', 'copy', '-out', `${file}.crt`);
  }
  const chain = ['right.crt', 'authority.crt'].map((file) => execFileSync('cat', [join(folder, file)], { encoding: 'utf8' }));
  writeFileSync(join(folder, 'chain.crt'), chain.join(''));
}

function nginxConfig(folder: string): string {
  const places = `
      location /well { return 200 'all is well\\n'; }
      location /other { return 200 'not yet\\n'; }
      location /broken { return 500; }
      location /moved { return 301 http://127.0.0.1:${PLAIN}/well; }`;
  const tls = ([port, certificate, key]: readonly [number, string, string]) => `
    server {
      listen 127.0.0.1:${port} ssl;
      ssl_certificate ${folder}/${certificate}.crt;
      ssl_certificate_key ${folder}/${key}.key;${places}
    }`;
  return `
  pid ${folder}/nginx.conf.pid;
  error_log ${folder}/error.log;
  events {}
  http {
    access_log off;
    ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/temp;`).join('\n    ')}
    server {
      listen 127.0.0.1:${PLAIN};
      listen unix:${folder}/nginx.sock;${places}
    }
    ${[[TRUSTED, 'chain', 'right'] as const, [WRONG, 'wrong', 'wrong'] as const, [EXPIRED, 'expired', 'expired'] as const].map(tls).join('')}
  }`;
}
