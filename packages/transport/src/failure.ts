/** Why there is no connection. `refused`: the broker answered, and not because of the credentials. */
export interface ConnectionFailure {
  readonly kind: 'auth' | 'network' | 'tls' | 'refused' | 'closed';
  /** One sentence that says what to do; holds no secret. */
  readonly message: string;
}

const WRONG_PORT = 'is it an MQTT port, and with TLS or without as the URL says?';

/** Codes of Node.js and OpenSSL for a certificate that leads to no CA that is trusted here. */
const UNTRUSTED =
  /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?|UNABLE_TO_VERIFY_LEAF_SIGNATURE|CERT_SIGNATURE_FAILURE|CERT_UNTRUSTED|INVALID_CA)$/;
const NO_TLS_HERE =
  /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|RECORD_LAYER|HTTP_REQUEST|UNEXPECTED_MESSAGE|before secure TLS connection/i;

const REFUSED_ADVICE = 'check host id and token, or add the host on the server';

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
export function describeFailure(error: unknown, established: boolean, refusedAdvice = REFUSED_ADVICE): ConnectionFailure {
  if (!(error instanceof Error)) {
    return established
      ? { kind: 'closed', message: 'the broker closed the connection' }
      : {
          kind: 'closed',
          message: `the broker closed the connection without an answer; ${WRONG_PORT}`,
        };
  }
  const code = (error as Error & { code?: unknown }).code;
  if (typeof code === 'number') return describeReturnCode(code, refusedAdvice);
  if (error.message === 'connack timeout') return { kind: 'network', message: `no answer in time: ${NETWORK['ETIMEDOUT']}` };
  // With several addresses for one name Node reports all failures together (RFC 8305).
  const inner = error instanceof AggregateError ? (error.errors as unknown[]).find((e) => e instanceof Error) : undefined;
  const name = typeof code === 'string' ? code : inner === undefined ? '' : String((inner as Error & { code?: unknown }).code);
  const tls = describeTls(error, name);
  if (tls !== null) return { kind: 'tls', message: tls };
  const network = NETWORK[name];
  if (network !== undefined) {
    const isCut = !established && (name === 'ECONNRESET' || name === 'EPIPE');
    return { kind: 'network', message: isCut ? `${network}; ${WRONG_PORT}` : network };
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

/** Null: it is no failure of TLS. */
function describeTls(error: Error, code: string): string | null {
  if (UNTRUSTED.test(code)) {
    return `the certificate of the server is of no CA that is trusted here (${code}); if the server has a new one, enrol this host again, else somebody may stand between`;
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const { host = '', cert } = error as Error & { host?: string; cert?: { subjectaltname?: string } };
    const names = (cert?.subjectaltname ?? '').replaceAll(/(DNS|IP Address):/g, '');
    return `the certificate of the server does not stand for ${host || 'this name'}${names === '' ? '' : ` but for ${names}`}; connect by one of its names, or add this one on the server (tls.names)`;
  }
  if (code === 'CERT_HAS_EXPIRED')
    return 'the certificate of the server has expired; renew it there, and see that the clock of this machine is right';
  if (code === 'CERT_NOT_YET_VALID') return 'the certificate of the server is not valid yet; see that the clock of this machine is right';
  if (NO_TLS_HERE.test(code) || NO_TLS_HERE.test(error.message)) {
    return 'the port does not speak TLS; take the port for mqtts:// (8883) or wss:// (8080), or mqtt:// on the server itself';
  }
  if (/ALERT/.test(code) || /alert/.test(error.message)) {
    return `the server refused TLS with this client (${code || error.message}); see that both are up to date, and whether it wants a certificate of this host (tls.cert)`;
  }
  if (/CERT|SSL|TLS|SIGNED|LEAF_SIGNATURE|EPROTO/.test(code) || /\bTLS\b/.test(error.message)) {
    return `TLS failed (${code === '' ? error.message : code}); check that the port speaks TLS, and the CA file`;
  }
  return null;
}

function describeReturnCode(code: number, refusedAdvice: string): ConnectionFailure {
  switch (code) {
    case 4:
    case 5:
    case 134:
    case 135:
      return { kind: 'auth', message: `the broker refused the credentials; ${refusedAdvice}` };
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
