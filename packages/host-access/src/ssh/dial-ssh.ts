import { appendFileSync, readFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import type { Client, ConnectConfig } from 'ssh2';
import { findKnownHost, hostName, judgeKey, knownHostLine, typeOf } from './known-hosts.ts';
import { KeyFileError, loadSsh2, readPrivateKey } from './private-key.ts';
import { type SshEndpoint, type SshOptions, shown } from './ssh-options.ts';

/** No connection came about. */
export class SshFailure extends Error {
  override readonly name = 'SshFailure';
  /** True if asking again changes nothing: a key that is refused, a host that is not who it was. */
  readonly refused: boolean;
  constructor(message: string, refused: boolean, options?: { cause?: unknown }) {
    super(message, options);
    this.refused = refused;
  }
}

const CONNECT_MS = 10_000;
const KEEPALIVE_MS = 10_000;
/** Questions of keepalive that may stay unanswered. */
const UNANSWERED = 2;

/** Signatures that a key of these types makes (RFC 8332). */
const SIGNATURES: Readonly<Record<string, readonly string[]>> = { 'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'] };

const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there; is sshd running, and is the port right?',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'the name could not be looked up',
  ETIMEDOUT: 'no answer',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no way to that network',
  ECONNRESET: 'the connection was cut',
};

/** A connection to the host, through the jump host if there is one. Rejects with SshFailure. */
export async function dialSsh(options: SshOptions): Promise<Client> {
  const { target, jump } = options;
  if (jump === undefined) return dialHop(target, undefined, options);
  const first = await dialHop(jump, undefined, options);
  try {
    const through = await forward(first, target, jump);
    const client = await dialHop(target, through, options);
    client.once('close', () => first.end());
    first.once('close', () => client.destroy());
    return client;
  } catch (error) {
    first.end();
    throw error;
  }
}

function forward(first: Client, { host, port }: SshEndpoint, jump: SshEndpoint): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    first.forwardOut('127.0.0.1', 0, host, port, (error, stream) => {
      if (error === undefined) resolve(stream);
      else reject(new SshFailure(`${shown(jump)} opens no way to ${host}:${port}: ${error.message}`, false, { cause: error }));
    });
  });
}

async function dialHop(hop: SshEndpoint, sock: Duplex | undefined, options: SshOptions): Promise<Client> {
  const { timing = {}, keyFile } = options;
  const ssh2 = await loadSsh2();
  const check = hostKeyCheck(hop, options);
  const privateKey = await readPrivateKey(keyFile).catch((error: unknown) => {
    const what = error instanceof KeyFileError ? error.message : String(error);
    throw new SshFailure(`the key ${keyFile} ${what}`, true, { cause: error });
  });
  const client = new ssh2.Client();
  const config: ConnectConfig = {
    ...(sock === undefined ? { host: hop.host, port: hop.port } : { sock }),
    username: hop.user,
    privateKey,
    authHandler: ['publickey'],
    agentForward: false,
    readyTimeout: timing.connectMs ?? CONNECT_MS,
    keepaliveInterval: timing.keepaliveMs ?? KEEPALIVE_MS,
    keepaliveCountMax: UNANSWERED,
    hostVerifier: check.verify,
    ...(check.types.length === 0
      ? {}
      : { algorithms: { serverHostKey: check.types as NonNullable<ConnectConfig['algorithms']>['serverHostKey'] & [] } }),
  };
  return new Promise((resolve, reject) => {
    const failed = (error: Error & { level?: string; code?: string }) => {
      client.on('error', () => undefined);
      client.end();
      sock?.destroy();
      reject(toFailure(error, hop, options, check.refusal()));
    };
    client.once('error', failed);
    client.once('close', () => failed(new Error('the host closed the connection')));
    client.once('ready', () => {
      client.removeAllListeners();
      // Whoever keeps the connection hears of its end by `close`.
      client.on('error', () => undefined);
      resolve(client);
    });
    try {
      client.connect(config);
    } catch (error) {
      failed(error as Error);
    }
  });
}

function toFailure(
  error: Error & { level?: string; code?: string },
  hop: SshEndpoint,
  { keyFile }: SshOptions,
  refusal: string | null,
): SshFailure {
  const who = shown(hop);
  if (refusal !== null) return new SshFailure(refusal, true, { cause: error });
  if (error.level === 'client-authentication') {
    return new SshFailure(`${who} refuses the key ${keyFile}; put it there with infra/deploy-key.sh`, true, { cause: error });
  }
  if (/no matching host key/i.test(error.message)) {
    return new SshFailure(
      `${who} has no key of the kinds that known_hosts has of it; if it got new keys, find out at the host itself, then replace the line`,
      true,
      { cause: error },
    );
  }
  return new SshFailure(`${who} cannot be reached: ${NETWORK[error.code ?? ''] ?? error.message}`, false, { cause: error });
}

/** Judges the key that a host shows by the file; reads the file now, writes to it if a new host may be taken. */
function hostKeyCheck(hop: SshEndpoint, { knownHostsFile, acceptNew = false }: SshOptions) {
  let refused: string | null = null;
  let text = '';
  try {
    text = readFileSync(knownHostsFile, 'utf8');
  } catch (error) {
    const isNew = (error as NodeJS.ErrnoException).code === 'ENOENT' && acceptNew;
    if (!isNew)
      throw new SshFailure(`${knownHostsFile} cannot be read, so no host can be known: ${(error as Error).message}`, true, {
        cause: error,
      });
  }
  const known = findKnownHost(text, hop.host, hop.port);
  const who = hostName(hop.host, hop.port);
  const scan = `ssh-keyscan -p ${hop.port} ${hop.host} >>${knownHostsFile}`;
  return {
    /** It is asked to show one of the keys that are known, as OpenSSH does: of the others nothing is known. */
    types: [...new Set(known.keys.flatMap(({ type }) => SIGNATURES[type] ?? [type]))],
    refusal: () => refused,
    verify: (shownKey: Buffer): boolean => {
      const verdict = judgeKey(known, shownKey);
      if (verdict === 'known') return true;
      if (verdict === 'unknown' && acceptNew) {
        try {
          const separator = text === '' || text.endsWith('\n') ? '' : '\n';
          appendFileSync(knownHostsFile, separator + knownHostLine(hop.host, hop.port, shownKey), { mode: 0o600 });
          return true;
        } catch (error) {
          refused = `the key of ${who} is new and cannot be written to ${knownHostsFile}: ${(error as Error).message}`;
          return false;
        }
      }
      if (verdict === 'unknown') {
        refused = `${knownHostsFile} has no key of ${who}; read it (${scan}), compare it with that of the host itself (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub)`;
      } else if (verdict === 'revoked') {
        refused = `the key that ${who} shows is revoked in ${knownHostsFile}`;
      } else {
        refused = `THE KEY OF ${who} HAS CHANGED (${typeOf(shownKey)}): either the host was installed anew, or somebody else answers in its place; nothing was sent. Find out at the host itself before its line in ${knownHostsFile} is replaced`;
      }
      return false;
    },
  };
}
