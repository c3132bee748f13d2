import type { FieldValue } from '@hostwire/model';

/** A field as a number, also where it travels as text because it is beyond 2^53-1; null: it is not there, or none. */
export function numberOf(value: FieldValue | undefined): number | null {
  return isWhole(value) || typeof value === 'number' ? Number(value) : null;
}

export function textOf(value: FieldValue | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

/** `per`: units of the field in a millisecond. */
export function millisecondsOf(value: FieldValue | undefined, per: bigint): number | null {
  return isWhole(value) ? Number(BigInt(value) / per) : null;
}

function isWhole(value: FieldValue | undefined): value is number | bigint | string {
  if (typeof value === 'string') return /^-?\d{1,19}$/.test(value);
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value));
}
