/** Why there is no connection. `refused`: the broker answered, and not because of the credentials. */
export interface ConnectionFailure {
  readonly kind: 'auth' | 'network' | 'tls' | 'refused' | 'closed';
  /** One sentence that says what to do; holds no secret. */
  readonly message: string;
}

const WRONG_PORT = 'is it an MQTT port, and with TLS or without as the URL says?';

const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there; is the server running, and is the port right?',
  ENOTFOUND: 'the name is not known; check the host in the URL and the DNS of this machine',
  EAI_AGAIN: 'the name could not be looked up; check the DNS of this machine',
  ETIMEDOUT: 'no answer; check the address, the network and the firewall',
  EHOSTUNREACH: 'no route to the host; check the address and the network',
  ENETUNREACH: 'no route to the network; check the address and the network',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was reset',
};

/**
 * What a failure of mqtt.js, a socket, TLS or a WebSocket means. Return codes as in MQTT 3.1.1 section 3.2.2.3 and
 * MQTT 5 section 3.2.2.2; null is a connection that the other side closed without a word.
 */
export function describeFailure(error: unknown, established: boolean): ConnectionFailure {
  if (!(error instanceof Error)) {
    return established
      ? { kind: 'closed', message: 'the broker closed the connection' }
      : {
          kind: 'closed',
          message: `the broker closed the connection without an answer; ${WRONG_PORT}`,
        };
  }
  const code = (error as Error & { code?: unknown }).code;
  if (typeof code === 'number') return describeReturnCode(code);
  if (error.message === 'connack timeout') return { kind: 'network', message: `no answer in time: ${NETWORK['ETIMEDOUT']}` };
  // With several addresses for one name Node reports all failures together (RFC 8305).
  const inner = error instanceof AggregateError ? (error.errors as unknown[]).find((e) => e instanceof Error) : undefined;
  const name = typeof code === 'string' ? code : inner === undefined ? '' : String((inner as Error & { code?: unknown }).code);
  const network = NETWORK[name];
  if (network !== undefined) {
    const isCut = !established && (name === 'ECONNRESET' || name === 'EPIPE');
    return { kind: 'network', message: isCut ? `${network}; ${WRONG_PORT}` : network };
  }
  if (/CERT|SSL|TLS|SIGNED|LEAF_SIGNATURE|EPROTO|ALTNAME/.test(name) || /\bTLS\b/.test(error.message)) {
    return {
      kind: 'tls',
      message: `TLS failed (${name === '' ? error.message : name}): check that the port speaks TLS and that the CA file fits its certificate`,
    };
  }
  // Of the parser: what came is no packet.
  if (!established && /^(Invalid header flag bits|Invalid (first|packet)|Cannot parse|Malformed|Packet has no)/.test(error.message)) {
    return { kind: 'refused', message: 'what answers there does not speak MQTT; is the port right?' };
  }
  const http = /Unexpected server response: (\d+)/.exec(error.message)?.[1];
  if (http === '401' || http === '403') return { kind: 'auth', message: `the web server refused the WebSocket (HTTP ${http})` };
  if (http !== undefined)
    return { kind: 'refused', message: `there is no MQTT over WebSocket at this path (HTTP ${http}); check the path in the URL` };
  return { kind: 'network', message: name === '' ? error.message : `${name}: ${error.message}` };
}

function describeReturnCode(code: number): ConnectionFailure {
  switch (code) {
    case 4:
    case 5:
    case 134:
    case 135:
      return { kind: 'auth', message: 'the broker refused the credentials; check host id and token, or add the host on the server' };
    case 1:
    case 132:
      return { kind: 'refused', message: 'the broker does not speak this version of MQTT' };
    case 2:
    case 133:
      return { kind: 'refused', message: 'the broker refused the client id' };
    case 3:
    case 136:
    case 137:
      return { kind: 'refused', message: 'the broker says that it is not available now' };
    case 142:
      return { kind: 'refused', message: 'another client with the same id took the session over' };
    default:
      return { kind: 'refused', message: `the broker ended the connection with reason code ${code}` };
  }
}
