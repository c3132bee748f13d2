/** `once`: one host, at once. `universal`: any number of hosts, each after somebody has approved it. */
export type EnrolmentKind = 'once' | 'universal';

/** A code that was made; the code itself is not kept. Times are ms since the epoch. */
export interface EnrolmentRecord {
  readonly id: string;
  readonly kind: EnrolmentKind;
  /** The only host that may use it; null: any that is not there yet. */
  readonly host: string | null;
  /** `host` was there when the code was made: it gets a new token, and its old one is refused from then on. */
  readonly replaces: boolean;
  /** What the host is put into; null leaves an existing host in its group. */
  readonly group: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: number;
  readonly createdBy: string | null;
  readonly expiresAt: number;
  /** Of a universal code: by the last host. */
  readonly usedAt: number | null;
  readonly usedBy: string | null;
  readonly usedFrom: string | null;
}

export type RequestState = 'pending' | 'approved' | 'denied' | 'claimed';

/** What a host says of itself before anybody knows it: text to show, nothing to go by. */
export interface HostFacts {
  readonly hostname: string;
  readonly os: string;
  readonly arch: string;
  readonly agentVersion: string;
}

/** A host that came with a universal code. */
export interface EnrolmentRequest {
  readonly id: string;
  readonly enrolment: string;
  /** The name that it asks for, or was approved under. */
  readonly host: string;
  readonly address: string;
  readonly facts: HostFacts;
  readonly createdAt: number;
  readonly state: RequestState;
  readonly decidedAt: number | null;
  readonly decidedBy: string | null;
  readonly group: string | null;
  readonly labels: Readonly<Record<string, string>>;
}

/** What a host has after enrolment. */
export interface EnrolledHost {
  readonly state: 'enrolled';
  readonly host: string;
  /** In clear, once; only its hash is kept. */
  readonly token: string;
  readonly group: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** The host was there before: its old token is refused from now on. */
  readonly replaced: boolean;
}

/** Somebody must approve the host; `secret` is what it asks with meanwhile, in clear, once. */
export interface PendingHost {
  readonly state: 'pending';
  readonly request: string;
  readonly host: string;
  readonly secret: string;
}

export interface NewEnrolment {
  readonly kind?: EnrolmentKind;
  readonly host?: string;
  readonly group?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Default 15 minutes, 24 h for a universal code. */
  readonly expiresInMs?: number;
  /** Name of who makes it, to show. */
  readonly by?: string;
}

export interface Redemption {
  /** As it was typed. */
  readonly code: string;
  /**
   * Random, and the same when an agent tries again: for 5 minutes a used code gives its host a fresh token, so that an
   * answer that was lost on the way does not cost a new code.
   */
  readonly nonce?: string;
  /** The name that the host wants; else its host name made valid. */
  readonly host?: string;
  readonly address: string;
  readonly facts: HostFacts;
}

/** What is absent is that of the code. */
export interface Approval {
  readonly host?: string;
  readonly group?: string | null;
  readonly labels?: Readonly<Record<string, string>>;
  readonly by?: string;
}

export interface EnrolmentRegistry {
  /** The code in clear, once; only a hash is kept. Throws RegistryError `invalid`, or `exists` if a token has the name. */
  create(enrolment: NewEnrolment): Promise<{ readonly code: string; readonly record: EnrolmentRecord }>;
  /** Newest first, for a week after they are over. */
  list(): Promise<{ readonly enrolments: EnrolmentRecord[]; readonly requests: EnrolmentRequest[] }>;
  /** The code works no longer, and who waits with it is denied. Throws RegistryError `unknown`. */
  cancel(id: string): Promise<void>;
  /** Throws EnrolmentError, or RegistryError `invalid` if the host cannot have its name. */
  redeem(redemption: Redemption): Promise<EnrolledHost | PendingHost>;
  /** What became of a request. Throws EnrolmentError. */
  claim(request: string, secret: string): Promise<EnrolledHost | { readonly state: 'pending'; readonly host: string }>;
  /** Throws RegistryError `unknown`, `invalid`, or `exists` if there is such a host, or it is decided already. */
  approve(request: string, approval: Approval): Promise<EnrolmentRequest>;
  deny(request: string, by?: string): Promise<EnrolmentRequest>;
  /** Called within 2 s after a code or a request changed, by any process. The result removes the listener. */
  onChange(listener: () => void): () => void;
}

export type EnrolmentErrorCode =
  | 'code-unknown'
  | 'code-expired'
  | 'code-used'
  | 'host-exists'
  | 'host-mismatch'
  | 'request-unknown'
  | 'request-denied'
  | 'too-many-requests';

/** Why a host was not enrolled: the message says what to do, and is shown to whoever holds the code. */
export class EnrolmentError extends Error {
  override readonly name = 'EnrolmentError';
  readonly code: EnrolmentErrorCode;
  constructor(code: EnrolmentErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
