import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ENROLMENT_CODE_ALPHABET, ENROLMENT_CODE_LENGTH, formatEnrolmentCode, parseEnrolmentCode } from './enrolment-code.ts';

const code = fc
  .array(fc.constantFrom(...ENROLMENT_CODE_ALPHABET), { minLength: ENROLMENT_CODE_LENGTH, maxLength: ENROLMENT_CODE_LENGTH })
  .map((letters) => letters.join(''));

describe('an enrolment code', () => {
  it('is read as it is shown, in any case, with any dashes and spaces, and with the letters that look like digits', () => {
    expect(formatEnrolmentCode('7K2MQX4DR9PV')).toBe('7K2M-QX4D-R9PV');
    expect(parseEnrolmentCode(' o1iL-abcd efgh\n')).toBe('0111ABCDEFGH');
    fc.assert(
      fc.property(code, (text) => {
        for (const typed of [text, formatEnrolmentCode(text), ` ${formatEnrolmentCode(text).toLowerCase()} `]) {
          expect(parseEnrolmentCode(typed)).toBe(text);
        }
      }),
    );
  });

  it('is no other text', () => {
    for (const text of ['', '7K2M-QX4D-R9P', '7K2M-QX4D-R9PVX', '7K2M-QX4D-R9PU', '7K2M_QX4D_R9PV', ' '.repeat(100), '\u212a'.repeat(12)]) {
      expect(parseEnrolmentCode(text)).toBeNull();
    }
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseEnrolmentCode(text) ?? '').toMatch(/^([0-9A-HJKMNP-TV-Z]{12})?$/);
      }),
    );
  });
});
