/** What a server can ask of an agent. Each has arguments of its own, which `actionRequestCheck` knows. */
export type ActionName = 'tmux.kill' | 'agent.refresh' | 'agent.dump';
export const ACTIONS: readonly ActionName[] = ['tmux.kill', 'agent.refresh', 'agent.dump'];

/** The longest that a request may hold, in milliseconds. */
export const MAX_ACTION_LIFE_MS = 30_000;
/** The largest message on `command` and `command/result`, in bytes. */
export const MAX_ACTION_BYTES = 4096;

export type ActionArgs = Readonly<Record<string, string | number>>;

/** What is signed. Times are ms since the epoch by the server's clock. */
export interface ActionRequest {
  readonly v: 1;
  readonly host: string;
  /** Of the agent's start that is meant: a later one does not take it. */
  readonly run: string;
  /** Its own: an agent does nothing twice. */
  readonly id: string;
  readonly action: ActionName;
  readonly args: ActionArgs;
  readonly issued: number;
  /** At most `MAX_ACTION_LIFE_MS` after `issued`. */
  readonly expires: number;
}

/**
 * `command`, from the server to an agent. `payload` is the base64 (RFC 4648 section 4) of the canonical JSON of an
 * ActionRequest, `sig` that of the Ed25519 signature (RFC 8032) of those bytes. There is one way only to write a request.
 */
export interface SignedAction {
  readonly payload: string;
  readonly sig: string;
}

/** Why an agent did not do it, for programs. */
export type ActionProblem =
  | 'bad-signature'
  | 'not-for-this-host'
  | 'not-for-this-run'
  | 'expired'
  | 'clock-unknown'
  | 'replayed'
  | 'not-allowed'
  | 'busy'
  | 'session-gone'
  | 'failed';

/** `command/result`, from an agent to the server. */
export interface ActionResult {
  readonly v: 1;
  readonly host: string;
  /** Of the agent that answers. */
  readonly run: string;
  /** Of the request. */
  readonly id: string;
  readonly action: ActionName;
  /** refused: nothing was done. failed: it was tried. */
  readonly result: 'done' | 'refused' | 'failed';
  readonly code?: ActionProblem;
  /** One sentence. */
  readonly reason?: string;
  /** The agent's clock, ms since the epoch. */
  readonly time: number;
}
