import { X509Certificate } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { SecureContextOptions } from 'node:tls';
import { fingerprint, publicKeyPin } from './fingerprint.ts';
import { isName, namesOf, readMachine } from './machine-names.ts';
import { lacking, openAuthority, openOwnServer } from './own-authority.ts';
import { fileMark } from './pem-files.ts';
import { POLICY } from './policy.ts';
import { readUserFiles, type UserFiles } from './user-files.ts';

export interface TlsOptions {
  /** Of the own CA and its certificates; made when it is first needed. */
  readonly folder: string;
  /** A user's files instead. */
  readonly files?: UserFiles;
  /** Beside the names and addresses of this machine. */
  readonly names?: readonly string[];
  /** Clients may show certificates of the own CA. */
  readonly asksClients?: boolean;
  readonly logger: { info(message: string): void; warn(message: string): void };
  /** Gets `issued`, `reloaded` and `reload_failed`. */
  readonly count?: (name: string) => void;
  /** Of this machine; for tests. */
  readonly machineNames?: () => readonly string[];
  readonly now?: () => number;
  /** Between two looks at the files; default 2,000. */
  readonly watchMs?: number;
  /** Between two looks at the clock and at this machine's names; default 60,000. */
  readonly checkMs?: number;
}

export interface TlsWarning {
  readonly code: 'certificate-expires' | 'certificate-expired' | 'certificate-name' | 'certificate-unusable';
  readonly message: string;
}

/** What those who connect see, and what they need to know. */
export interface TlsState {
  /** For which the certificate stands. */
  readonly names: readonly string[];
  /** Ms since the epoch. */
  readonly notAfter: number;
  /** Of the own CA, or as the user gave it; null: every system knows the root. */
  readonly ca: string | null;
  readonly caFingerprint: string | null;
  readonly pin: string;
  readonly ownCa: boolean;
}

/** Certificates in use, which follow their files, the clock and this machine's names. */
export interface Tls {
  /** For `createServer` and, at each change, `setSecureContext`. */
  context(): SecureContextOptions;
  state(): TlsState;
  warnings(): TlsWarning[];
  /** Called after new certificates were taken. The result removes the listener. */
  onChange(listener: () => void): () => void;
  /** Looks at files, clock and names now. */
  check(): Promise<void>;
  close(): void;
}

interface Loaded {
  readonly cert: string;
  readonly key: string;
  readonly ca: string | null;
  readonly clientCa: string | null;
}

const DAY_MS = 86_400_000;
/** An own certificate is renewed earlier, so then something is wrong. */
const WARN_BEFORE_MS = 14 * DAY_MS;

/**
 * Loads the certificates of a server: a user's files, or those of an own CA, which is made here. Later changes that cannot
 * be used are warned of, and the last good ones stay in use. Throws TlsError, or what the file system says.
 */
export async function openTls(options: TlsOptions): Promise<Tls> {
  const tls = new FollowedTls(options);
  await tls.start();
  return tls;
}

class FollowedTls implements Tls {
  readonly #options: TlsOptions;
  readonly #listeners = new Set<() => void>();
  readonly #timers: NodeJS.Timeout[] = [];
  #loaded: Loaded = { cert: '', key: '', ca: null, clientCa: null };
  #marks = '';
  #failure: string | null = null;
  #checking: Promise<void> | null = null;

  constructor(options: TlsOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#loaded = await this.#load();
    this.#marks = this.#fileMarks();
    const { watchMs = 2000, checkMs = 60_000 } = this.#options;
    const watch = setInterval(() => {
      if (this.#fileMarks() !== this.#marks) void this.check();
    }, watchMs);
    this.#timers.push(watch.unref(), setInterval(() => void this.check(), checkMs).unref());
  }

  context(): SecureContextOptions {
    const { cert, key, clientCa } = this.#loaded;
    return { ...POLICY, cert, key, ...(clientCa === null ? {} : { ca: clientCa }) };
  }

  state(): TlsState {
    const { cert, ca } = this.#loaded;
    const leaf = new X509Certificate(cert);
    return {
      names: namesIn(leaf),
      notAfter: Date.parse(leaf.validTo),
      ca,
      caFingerprint: ca === null ? null : fingerprint(ca),
      pin: publicKeyPin(cert),
      ownCa: this.#options.files === undefined,
    };
  }

  warnings(): TlsWarning[] {
    const { files, names = [] } = this.#options;
    const leaf = new X509Certificate(this.#loaded.cert);
    const left = Date.parse(leaf.validTo) - this.#now();
    const until = `${new Date(leaf.validTo).toISOString().slice(0, 10)}`;
    const cure = files === undefined ? 'the log says why it was not renewed' : `renew ${files.cert}; it is taken as soon as it is there`;
    const warnings: TlsWarning[] = [];
    if (this.#failure !== null) warnings.push({ code: 'certificate-unusable', message: this.#failure });
    if (left <= 0) warnings.push({ code: 'certificate-expired', message: `The server's certificate ended on ${until}: ${cure}.` });
    else if (left < WARN_BEFORE_MS)
      warnings.push({ code: 'certificate-expires', message: `The server's certificate ends on ${until}: ${cure}.` });
    const missing = lacking(leaf, names);
    if (missing.length > 0) {
      const message = `The server's certificate does not stand for ${missing.join(', ')}: who connects by that name refuses it.`;
      warnings.push({ code: 'certificate-name', message });
    }
    return warnings;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  check(): Promise<void> {
    this.#checking ??= this.#check().finally(() => {
      this.#checking = null;
    });
    return this.#checking;
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#listeners.clear();
  }

  async #check(): Promise<void> {
    const { logger, count } = this.#options;
    const marks = this.#fileMarks();
    const before = this.#loaded;
    try {
      this.#loaded = await this.#load();
      this.#marks = this.#fileMarks();
      this.#failure = null;
    } catch (error) {
      // Files are replaced one after the other: what does not fit now may fit at the next look.
      const message = `New certificates cannot be used, so the last ones stay in use: ${(error as Error).message}.`;
      if (marks === this.#marks && this.#failure === null) logger.warn(message);
      if (marks === this.#marks) {
        count?.('reload_failed');
        this.#failure = message;
      }
      this.#marks = marks;
      return;
    }
    if (JSON.stringify(before) === JSON.stringify(this.#loaded)) return;
    count?.('reloaded');
    const { names, notAfter } = this.state();
    logger.info(`took new certificates, good until ${new Date(notAfter).toISOString().slice(0, 10)}, for ${names.join(', ')}`);
    for (const listener of [...this.#listeners]) listener();
  }

  async #load(): Promise<Loaded> {
    const { folder, files, asksClients = false, names = [], count } = this.#options;
    const now = this.#now();
    if (files !== undefined) {
      const clientCa = asksClients ? (await openAuthority(folder, hostname(), now)).cert : null;
      return { ...readUserFiles(files), clientCa };
    }
    const wanted = [...new Set([...this.#machineNames(), ...names.filter(isName)])];
    const { authority, server, issued } = await openOwnServer(folder, hostname(), wanted, now);
    if (issued) count?.('issued');
    return { ...server, ca: authority.cert, clientCa: asksClients ? authority.cert : null };
  }

  #machineNames(): readonly string[] {
    return this.#options.machineNames?.() ?? namesOf(readMachine());
  }

  #fileMarks(): string {
    const { folder, files } = this.#options;
    const own = ['ca.pem', 'server.pem', 'server.key'].map((name) => join(folder, name));
    const watched = files === undefined ? own : [files.cert, files.key, ...(files.ca === undefined ? [] : [files.ca])];
    return watched.map(fileMark).join('\n');
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }
}

/** Node prints an entry with special characters in quotes; a DNS name or an address has none. */
function namesIn(cert: X509Certificate): string[] {
  return (cert.subjectAltName ?? '')
    .split(', ')
    .map((entry) => /^(?:DNS|IP Address):(.+)$/.exec(entry)?.[1])
    .filter((name) => name !== undefined)
    .map((name) => (isIPv6(name) ? new URL(`http://[${name}]`).hostname.slice(1, -1) : name.toLowerCase()));
}
