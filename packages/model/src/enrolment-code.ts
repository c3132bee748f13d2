/** Crockford's base32 (https://www.crockford.com/base32.html): no I, L, O and U, so that a code can be read aloud. */
export const ENROLMENT_CODE_ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** 60 bits. */
export const ENROLMENT_CODE_LENGTH = 12;

/** As it is shown: 7K2M-QX4D-R9PV. */
export function formatEnrolmentCode(code: string): string {
  return code.replace(/(.{4})(?=.)/g, '$1-');
}

/**
 * The twelve characters of what a person typed: case, dashes and spaces do not count, O is 0, I and L are 1. Null if it is
 * no enrolment code.
 */
export function parseEnrolmentCode(text: string): string | null {
  // Longer text is no code, whatever is in it.
  if (text.length > 64) return null;
  const code = text.toUpperCase().replace(/[\s-]/g, '').replaceAll('O', '0').replace(/[IL]/g, '1');
  return code.length === ENROLMENT_CODE_LENGTH && [...code].every((letter) => ENROLMENT_CODE_ALPHABET.includes(letter)) ? code : null;
}
