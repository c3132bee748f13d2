import type { Certificate, DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { CertificateFacts, PeerCertificate } from './host-access.ts';

const MAX_CHAIN = 10;

/** What the peer of a TLS connection showed; for a connection that takes every certificate. */
export function peerCertificate(socket: TLSSocket): PeerCertificate {
  const chain: CertificateFacts[] = [];
  const seen = new Set<string>();
  let at: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  // The last one is its own issuer; without any the object is empty.
  while (at?.fingerprint256 !== undefined && !seen.has(at.fingerprint256) && chain.length < MAX_CHAIN) {
    seen.add(at.fingerprint256);
    chain.push(factsOf(at));
    at = at.issuerCertificate as DetailedPeerCertificate | undefined;
  }
  return {
    authorized: socket.authorized,
    authorizationError: socket.authorized ? null : String(socket.authorizationError),
    protocol: socket.getProtocol() ?? '',
    cipher: socket.getCipher().standardName,
    chain,
  };
}

function factsOf(certificate: DetailedPeerCertificate): CertificateFacts {
  return {
    subject: attributes(certificate.subject),
    issuer: attributes(certificate.issuer),
    serialNumber: certificate.serialNumber,
    fingerprint256: certificate.fingerprint256,
    validFrom: Date.parse(certificate.valid_from),
    validTo: Date.parse(certificate.valid_to),
    // A name with a comma in it is in quotes.
    san: (certificate.subjectaltname?.match(/(?:[^,"]|"(?:[^"\\]|\\.)*")+/g) ?? []).map((name) => name.trim()),
    bits: certificate.bits ?? null,
  };
}

function attributes(name: Certificate): Record<string, string> {
  const entries: [string, string | string[] | undefined][] = Object.entries(name);
  return Object.fromEntries(entries.map(([key, value]) => [key, Array.isArray(value) ? value.join(', ') : (value ?? '')]));
}
