export * from './client-certificate.ts';
export * from './fingerprint.ts';
export * from './open-tls.ts';
export { TlsError } from './tls-error.ts';
