import type { Kysely, Transaction } from 'kysely';

/** Times are ms since the epoch; `info`, `scopes`, `labels`, `facts` and `body` are JSON. */
export interface Tables {
  meta: { key: string; value: number };
  host: {
    host: string;
    token_hash: string;
    created_at: number;
    first_seen_at: number | null;
    last_seen_at: number | null;
    info: string | null;
    group_name: string | null;
    labels: string;
    /** The agent that asks this host over SSH and speaks for it with its own token; null: the host's own agent does. */
    gateway: string | null;
  };
  /** Actions asked of hosts, and what became of each. `args` is JSON; `result` is sent, done, refused, failed or unanswered. */
  audit: {
    id: string;
    at: number;
    host: string;
    action: string;
    args: string;
    actor: string | null;
    result: string;
    reason: string | null;
  };
  /**
   * Codes with which hosts enrol. `used_from` is an address; `replaces` is 1 if the host may exist, and then gets a new
   * token; `nonce_hash` is of what the agent that used the code sends again when it has lost the answer, `issued_hash` that of
   * the token that it got.
   */
  enrolment: {
    id: string;
    kind: string;
    code_hash: string;
    host: string | null;
    group_name: string | null;
    labels: string;
    created_at: number;
    created_by: string | null;
    expires_at: number;
    used_at: number | null;
    used_by: string | null;
    used_from: string | null;
    replaces: number;
    nonce_hash: string | null;
    issued_hash: string | null;
  };
  /** Hosts that came with a universal code. `state` is pending, approved, denied or claimed. */
  enrolment_request: {
    id: string;
    enrolment_id: string;
    secret_hash: string;
    host: string;
    address: string;
    facts: string;
    created_at: number;
    state: string;
    decided_at: number | null;
    decided_by: string | null;
    group_name: string | null;
    labels: string;
    nonce_hash: string | null;
    issued_hash: string | null;
    claimed_at: number | null;
  };
  /** Client certificates that are not revoked, by their serial number in hex. */
  host_certificate: { serial: string; host: string; created_at: number; expires_at: number };
  /** `scope` is `all`, `group:<name>` or `host:<id>`. */
  remote_config: { scope: string; body: string; updated_at: number; updated_by: string | null };
  token: {
    id: string;
    name: string;
    token_hash: string;
    scopes: string;
    created_at: number;
    expires_at: number | null;
    last_used_at: number | null;
  };
  login_link: { code_hash: string; expires_at: number };
  login_session: { session_hash: string; idle_expires_at: number; expires_at: number };
  alert: {
    id: string;
    rule: string;
    host: string;
    severity: string;
    state: string;
    labels: string;
    summary: string;
    measurement: string | null;
    field: string | null;
    tags: string;
    value: number | null;
    threshold: number | null;
    unit: string | null;
    since: number;
    fired_at: number | null;
    resolved_at: number | null;
    acknowledged_at: number | null;
    acknowledged_by: string | null;
    note: string | null;
  };
  lease: { name: string; holder: string; expires_at: number };
  catalog: { hash: string; body: string; saved_at: number };
}

export type Db = Kysely<Tables>;
export type Trx = Transaction<Tables>;
