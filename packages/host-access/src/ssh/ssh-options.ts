/** Who is asked over SSH, and as whom. */
export interface SshEndpoint {
  /** A name or an address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
}

export interface SshOptions {
  readonly target: SshEndpoint;
  /** The way leads through this host (ProxyJump), with the same key and known hosts. */
  readonly jump?: SshEndpoint;
  /** A private key without a passphrase; read at each connection. */
  readonly keyFile: string;
  /** In the format of OpenSSH; read at each connection. */
  readonly knownHostsFile: string;
  /** Whether the key of a host that the file does not name is taken and written there. Default: it is refused. */
  readonly acceptNew?: boolean;
  /** Whether commands that need root may be run through the host's sudo. Default: no. */
  readonly sudo?: boolean;
  readonly timing?: SshTiming;
}

/** Milliseconds. */
export interface SshTiming {
  /** For a connection to stand; default 10,000. */
  readonly connectMs?: number;
  /** A connection on which two questions of this rhythm stay unanswered is given up; default 10,000. */
  readonly keepaliveMs?: number;
  /** Between two attempts: doubles from the first (default 1,000) to the last (default 30,000), and varies by a quarter. */
  readonly minDelayMs?: number;
  readonly maxDelayMs?: number;
  /** After a refusal, which does not mend itself; default 5 minutes. */
  readonly refusedDelayMs?: number;
}

/** Whether a host answers. `reason`: one sentence that says what to do. */
export type Reach =
  | { readonly reachable: true }
  | {
      readonly reachable: false;
      readonly reason: string /** It is there, and does not let us in or is not who it was. */;
      readonly refused: boolean;
    };

/** What asks of a host that cannot be reached are answered with. */
export const UNREACHABLE = 'unreachable';

export function shown({ host, port, user }: SshEndpoint): string {
  const address = host.includes(':') ? `[${host}]` : host;
  return `${user}@${address}${port === 22 ? '' : `:${port}`}`;
}
