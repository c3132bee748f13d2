/** The only way to a host: here access is local, over SSH or replayed, timed, bounded and recorded. */
export interface HostAccess {
  /**
   * Runs a command: argv only, never a shell string, in a clean environment (C locale). A non-zero exit is a result.
   * Throws AccessError if it could not be asked (ENOENT, EACCES, EPERM, timeout, too-large, aborted).
   */
  exec(command: string, args: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** The text of a file (UTF-8, at most 4 MiB). Paths are the host's: /proc/stat is the host's also from inside a container. */
  readFile(path: string, options?: AccessOptions): Promise<string>;
  /** Many files in one round trip, in the order asked for; what could not be read is its AccessError, not a throw. */
  readFiles(paths: readonly string[], options?: AccessOptions): Promise<(string | AccessError)[]>;
  /** Names in a directory, sorted by code unit. */
  readDir(path: string, options?: AccessOptions): Promise<string[]>;
  readLink(path: string, options?: AccessOptions): Promise<string>;
  statFs(path: string, options?: StatFsOptions): Promise<FileSystemStat>;
  /**
   * One HTTP request without a body; redirects are not followed, and any status is a result. The body is text (UTF-8, at
   * most 4 MiB). Throws AccessError if it could not be asked (ENOENT, EACCES, ECONNREFUSED, timeout, too-large, aborted, or
   * why a certificate is not trusted: CERT_HAS_EXPIRED, DEPTH_ZERO_SELF_SIGNED_CERT, ERR_TLS_CERT_ALTNAME_INVALID ...).
   */
  request(ask: HttpAsk, options?: TimedOptions): Promise<HttpAnswer>;
  /**
   * Opens one connection, perhaps says something, and reads what comes. Throws AccessError if there was no connection
   * (ECONNREFUSED, EHOSTUNREACH, ENOTFOUND, ENOENT, timeout, aborted) or it broke (ECONNRESET); a peer that is silent or whose
   * certificate is not trusted is a result.
   */
  dial(ask: DialAsk, options?: TimedOptions): Promise<DialAnswer>;
  /**
   * Asks the DNS for a name, not the hosts file. Throws AccessError: ENOTFOUND (no such name), ENODATA (none of this type),
   * ESERVFAIL, EREFUSED, ECONNREFUSED, timeout, aborted, EINVAL.
   */
  resolve(name: string, options?: ResolveOptions): Promise<ResolveAnswer>;
  close(): Promise<void>;
}

export interface AccessOptions {
  readonly signal?: AbortSignal;
}

export interface StatFsOptions extends AccessOptions {
  /**
   * `major:minor` of the file system that is meant, as the host's own mountinfo has it. Throws ENOENT if another one, or none, is
   * mounted at the path where the asking is done (in a container, or a service with mounts of its own): the folder below it would answer.
   */
  readonly device?: string;
}

export interface TimedOptions extends AccessOptions {
  /** Milliseconds; default 10,000. On expiry the whole process group is killed, the connection closed. */
  readonly timeout?: number;
}

export interface ExecOptions extends TimedOptions {
  /**
   * What the output is wanted for, as `keep` of a request: all else of a standard output that is JSON is discarded before it is
   * recorded or returned, one that is not JSON wholly, and standard error always.
   */
  readonly keep?: readonly string[];
  /**
   * Pairs of texts between which a command line stands in standard output: its arguments, which may hold passwords, are
   * discarded before it is recorded or returned.
   */
  readonly commandLines?: readonly (readonly [from: string, to: string])[];
  /**
   * It needs root. Run as it is if this process is root, else through `sudo -n`; throws EACCES with what grants it where the
   * agent's file does not allow that or sudoers refuse it.
   */
  readonly sudo?: boolean;
  /**
   * The arguments come from somebody's configuration, and may hold a secret: they are not recorded, only how many there are, and
   * discarded from standard error, where a command that fails repeats them.
   */
  readonly confidential?: boolean;
  /** Most bytes of standard output and standard error together; default and at most 4 MiB. */
  readonly maxBytes?: number;
}

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where to and what for. */
export type HttpAsk = (
  | {
      /** A unix socket of the host. */
      readonly socketPath: string;
    }
  | {
      /** `http://` or `https://`, a host and a port, without user, password and path. */
      readonly url: string;
    }
) & {
  /** Begins with a slash; with the query. */
  readonly path: string;
  /** Default GET. */
  readonly method?: 'GET' | 'HEAD';
  /**
   * What the answer is wanted for: JSON Pointers (RFC 6901) in which `*` is every key or element. All else of the body is
   * discarded before it is recorded or returned, a body that is not JSON wholly, and of the headers all but the type.
   */
  readonly keep?: readonly string[];
  /** Sent beside the usual ones. Never recorded. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The query comes from somebody's configuration, and may hold a secret: it is neither recorded nor in what is thrown. */
  readonly confidential?: boolean;
  /** Most bytes of the body; default and at most 4 MiB. */
  readonly maxBytes?: number;
  /** Whether the answer says how long its parts took. */
  readonly timings?: boolean;
  /** Whether a certificate that is not trusted is taken too. Default: it is a failure. */
  readonly insecure?: boolean;
};

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** If they were asked for. */
  readonly timings?: HttpTimings;
}

/** Milliseconds that the parts of a connection took; 0 for what was not needed (a name to look up, TLS). */
export interface DialTimings {
  readonly dnsMs: number;
  readonly connectMs: number;
  readonly tlsMs: number;
  /** From the connection being ready to the first byte; 0 if none was waited for or came. */
  readonly firstByteMs: number;
}

export interface HttpTimings extends DialTimings {
  /** From the beginning to the end of the body. */
  readonly totalMs: number;
}

export type DialAsk = (
  | {
      /** A unix socket of the host. */
      readonly socketPath: string;
    }
  | {
      /** A name or an address. */
      readonly host: string;
      readonly port: number;
      /** Speak TLS. `servername`: the name to ask for and to check; default `host`, if it is a name. */
      readonly tls?: { readonly servername?: string };
    }
) & {
  /** Sent when the connection is ready. Never recorded. */
  readonly bytes?: Uint8Array;
  /**
   * What to read: so many bytes, or until this text has come (compared byte by byte, as UTF-8), or null for nothing. At most
   * 64 KiB are read.
   */
  readonly until: { readonly bytes?: number; readonly match?: string } | null;
};

export interface DialAnswer {
  readonly bytes: Uint8Array;
  /** `done`: what was to be read has come. `closed`: the peer ended first. `timeout`: it said no more. `full`: 64 KiB without it. */
  readonly ended: 'done' | 'closed' | 'timeout' | 'full';
  readonly timings: DialTimings;
  /** With `tls`. */
  readonly certificate?: PeerCertificate;
}

/** The certificates that a peer showed, whether they are trusted or not. */
export interface PeerCertificate {
  /** True if the chain leads to an authority that this machine knows, none has expired, and the name is right. */
  readonly authorized: boolean;
  /** Why not: CERT_HAS_EXPIRED, DEPTH_ZERO_SELF_SIGNED_CERT, ERR_TLS_CERT_ALTNAME_INVALID ... */
  readonly authorizationError: string | null;
  /** `TLSv1.3`. */
  readonly protocol: string;
  readonly cipher: string;
  /** The peer's own first; at most 10. */
  readonly chain: readonly CertificateFacts[];
}

export interface CertificateFacts {
  /** Attributes by their short names (CN, O ...); those that occur more than once are joined by `, `. */
  readonly subject: Readonly<Record<string, string>>;
  readonly issuer: Readonly<Record<string, string>>;
  /** Hexadecimal, upper case. */
  readonly serialNumber: string;
  /** `AB:CD:...`, SHA-256. */
  readonly fingerprint256: string;
  /** Milliseconds since the epoch. */
  readonly validFrom: number;
  readonly validTo: number;
  /** Names that it is for: `DNS:example.org`, `IP Address:192.0.2.1`. */
  readonly san: readonly string[];
  /** Of the key; null if its kind has none. */
  readonly bits: number | null;
}

export type RecordType = 'A' | 'AAAA' | 'MX' | 'TXT' | 'CNAME' | 'NS' | 'PTR';

export interface ResolveOptions extends TimedOptions {
  /** Default A. For PTR the name may be an address. */
  readonly type?: RecordType;
  /** An address, with a port if it is not 53 (`192.0.2.1:5353`, `[2001:db8::1]:5353`). Default: those of the system. */
  readonly server?: string;
}

export interface ResolveAnswer {
  /** As text, sorted by code unit: an MX is `10 mail.example.org`, a TXT its parts joined. */
  readonly answers: readonly string[];
  readonly timeMs: number;
}

/** statfs(2), in units of `blockSize` bytes and in files. */
export interface FileSystemStat {
  readonly blockSize: number;
  readonly blocks: number;
  readonly blocksFree: number;
  readonly blocksAvailable: number;
  readonly files: number;
  readonly filesFree: number;
}

/** Could not ask. `code` is an errno name, `timeout`, `too-large`, `aborted` or `not-recorded` (replay). */
export class AccessError extends Error {
  override readonly name = 'AccessError';
  readonly code: string;
  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
