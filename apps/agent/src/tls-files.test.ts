import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '@hostwire/service';
import { findCommand, systemSuite, tempDir } from '@hostwire/testkit';
import { expect, it } from 'vitest';
import { connectionOf, loadConfig } from './agent-config.ts';
import { caFingerprint } from './tls-files.ts';

function newCertificate(folder: string, name: string): { cert: string; key: string } {
  const [cert, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  execFileSync(
    findCommand('openssl') ?? '',
    ['req', '-x509', ...curve, '-keyout', key, '-out', cert, '-days', '2', '-subj', `/CN=${name}`],
    {
      stdio: 'ignore',
    },
  );
  return { cert, key };
}

async function problemsOf(tls: string): Promise<string> {
  const file = join(tempDir(), 'agent.toml');
  writeFileSync(file, `server_url = "mqtts://server"\ntoken = "t"\n[tls]\n${tls}`);
  const error = await loadConfig(file, {}, { connect: true, mustExist: true }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ConfigError);
  return (error as Error).message;
}

systemSuite(['openssl'], "the agent's TLS files", () => {
  it('are read at each connection, and the CA must be the one with the fingerprint', async () => {
    const folder = tempDir();
    const [ours, other] = [newCertificate(folder, 'ours'), newCertificate(folder, 'other')];
    const fingerprint = caFingerprint(readFileSync(ours.cert, 'utf8'));
    const file = join(folder, 'agent.toml');
    writeFileSync(file, 'server_url = "mqtts://server"\ntoken = "t"\n');
    const env = { HOSTWIRE_AGENT_TLS_CA: ours.cert, HOSTWIRE_AGENT_TLS_CA_FINGERPRINT: fingerprint };
    const { tls } = connectionOf(await loadConfig(file, env, { connect: true, mustExist: true }));
    expect(tls?.()).toEqual({ ca: readFileSync(ours.cert, 'utf8') });
    const openssl = execFileSync(findCommand('openssl') ?? '', ['x509', '-in', ours.cert, '-noout', '-fingerprint', '-sha256'], {
      encoding: 'utf8',
    });
    expect(fingerprint).toBe(`sha256:${openssl.split('=')[1]?.trim().replaceAll(':', '').toLowerCase()}`);
    writeFileSync(ours.cert, readFileSync(other.cert));
    expect(() => tls?.()).toThrow(/tls.ca .* is not the CA of this server: its fingerprint is sha256:[0-9a-f]{64}, not sha256/);
  });

  it('are all checked before anything connects', async () => {
    const folder = tempDir();
    const [ours, other] = [newCertificate(folder, 'ours'), newCertificate(folder, 'other')];
    expect(await problemsOf(`ca = "${ours.cert}"\nca_fingerprint = "sha256:${'0'.repeat(64)}"`)).toMatch(/is not the CA of this server/);
    expect(await problemsOf(`ca = "${join(folder, 'none.pem')}"`)).toMatch(/tls.ca = .*none.pem" .*cannot be read \(ENOENT\)/);
    expect(await problemsOf(`ca = "${ours.key}"`)).toMatch(/holds no certificate/);
    expect(await problemsOf(`ca_fingerprint = "sha256:${'0'.repeat(64)}"`)).toMatch(/tls.ca is missing/);
    expect(await problemsOf('ca_fingerprint = "0"\nca = ""')).toMatch(/64 hexadecimal digits/);
    expect(await problemsOf(`cert = "${ours.cert}"`)).toMatch(/tls.key is missing/);
    expect(await problemsOf(`cert = "${ours.cert}"\nkey = "${other.key}"`)).toMatch(/is not the key of tls.cert/);
  });
});
