import { readFile } from 'node:fs/promises';
import { lookAtCertificate, lookAtSecretFile, type Observation } from '@hostwire/service/doctor';
import type { AgentCheck } from '../agent-look.ts';

/** Whether the server's CA and this host's own certificate are good, and the key of that is its owner's alone. */
export const certificate: AgentCheck = {
  name: 'certificate',
  async run({ config: { tls }, host, now }) {
    const found: Observation[] = [];
    if (tls.ca !== undefined) {
      const pem = await readFile(tls.ca, 'utf8');
      found.push(
        ...lookAtCertificate({
          file: tls.ca,
          pem,
          names: [],
          now: now(),
          renewal: 'the CA of the server ends: enrol this host again after the server has a new one',
        }),
      );
    }
    if (tls.cert !== undefined && tls.key !== undefined) {
      const [pem, keyPem] = await Promise.all([readFile(tls.cert, 'utf8'), readFile(tls.key, 'utf8')]);
      const renewal = `on the server: hostwire host certificate ${host} --out DIR, and put the two files in the place of these`;
      found.push(...lookAtCertificate({ file: tls.cert, pem, keyPem, names: [], now: now(), renewal }));
      const secret = await lookAtSecretFile(tls.key, "the key of this host's certificate");
      if (secret !== null && secret.level !== 'ok') found.push(secret);
    }
    return found;
  },
};
