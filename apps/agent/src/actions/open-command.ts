import { type KeyObject, verify } from 'node:crypto';
import {
  type ActionProblem,
  type ActionRequest,
  canonicalJson,
  MAX_ACTION_BYTES,
  MAX_ACTION_LIFE_MS,
  type SignedAction,
} from '@hostwire/model';
import { actionRequestCheck, signedActionCheck } from '@hostwire/model/schema';

/** Who is asked, and what it knows. */
export interface Addressee {
  readonly host: string;
  readonly run: string;
  /** Null: it knows no server whose word counts. */
  readonly key: KeyObject | null;
  /** The server's clock, ms since the epoch; null: not known yet. */
  readonly serverNow: number | null;
}

export interface Refused {
  readonly code: ActionProblem;
  /** One sentence. */
  readonly reason: string;
  /** What it says it is; null: it cannot be read. Believed in nothing, but for whom to answer. */
  readonly request: ActionRequest | null;
  /** False: nobody knows who wrote it. */
  readonly signed: boolean;
}

export type Opened = { readonly request: ActionRequest; readonly refused: null } | { readonly request: null; readonly refused: Refused };

/** A server's clock is known only to a message's way. */
const FUTURE_MS = 30_000;

/** Checks that a command is the server's, for this agent as it runs now, and of now. Never throws: it is hostile input. */
export function openCommand(message: Uint8Array, { host, run, key, serverNow }: Addressee): Opened {
  const envelope = readEnvelope(message);
  if (envelope === null) return refuse('bad-signature', 'it is no signed command', null, false);
  const request = readRequest(envelope.bytes);
  if (key === null) {
    return refuse('bad-signature', 'this agent knows no server_key: enrol it again, or set server_key in its agent.toml', request, false);
  }
  if (!verify(null, envelope.bytes, key, envelope.signature)) {
    return refuse('bad-signature', "its signature is not by the server_key of this agent's agent.toml", request, false);
  }
  if (request === null) return refuse('not-allowed', 'this agent does not know what it asks for: update it', null, true);
  const no = (code: ActionProblem, reason: string): Opened => refuse(code, reason, request, true);
  if (request.host !== host) return no('not-for-this-host', `it is for ${request.host}`);
  if (request.run !== run) return no('not-for-this-run', 'it is for an earlier start of this agent: ask again');
  const { issued, expires } = request;
  if (expires < issued || expires - issued > MAX_ACTION_LIFE_MS) return no('expired', 'it would hold for longer than 30 s');
  if (serverNow === null) {
    return no('clock-unknown', "the server's time is not known yet: it comes with the acknowledgement of the first sample");
  }
  if (serverNow > expires) return no('expired', `it came ${Math.ceil((serverNow - expires) / 1000)} s too late`);
  if (issued - serverNow > FUTURE_MS) return no('expired', "it is from the future: the server's clock was set");
  return { request, refused: null };
}

function refuse(code: ActionProblem, reason: string, request: ActionRequest | null, signed: boolean): Opened {
  return { request: null, refused: { code, reason, request, signed } };
}

/** Null unless it is written as the server writes it, to the byte: what could be changed and still hold would not be signed. */
function readEnvelope(message: Uint8Array): { readonly bytes: Buffer; readonly signature: Buffer } | null {
  if (message.length > MAX_ACTION_BYTES) return null;
  const parsed = parseCanonical(Buffer.from(message));
  if (!signedActionCheck.Check(parsed)) return null;
  const { payload, sig } = parsed as SignedAction;
  const [bytes, signature] = [Buffer.from(payload, 'base64'), Buffer.from(sig, 'base64')];
  return bytes.toString('base64') === payload && signature.toString('base64') === sig ? { bytes, signature } : null;
}

function readRequest(bytes: Buffer): ActionRequest | null {
  const parsed = parseCanonical(bytes);
  return actionRequestCheck.Check(parsed) ? (parsed as ActionRequest) : null;
}

function parseCanonical(bytes: Buffer): unknown {
  try {
    const parsed: unknown = JSON.parse(bytes.toString('utf8'));
    return Buffer.from(canonicalJson(parsed)).equals(bytes) ? parsed : null;
  } catch {
    return null;
  }
}
