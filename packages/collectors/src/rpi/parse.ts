import { ParseError, quote } from '../proc-text.ts';

/** Bit of the firmware's word -> field; 16 bits higher stands whether it ever was so since boot. */
const BITS: Readonly<Record<string, number>> = { under_voltage: 0, frequency_capped: 1, throttled: 2, soft_temp_limit: 3 };

/**
 * The word of `vcgencmd get_throttled` (`throttled=0x50005`, Raspberry Pi documentation, "vcgencmd") or of the kernel's file (`50005`) as flags:
 * `under_voltage` now, `under_voltage_occurred` since boot. Throws ParseError.
 */
export function parseThrottled(text: string): Record<string, boolean> {
  const [, digits] = /^(?:throttled=)?(?:0x)?([0-9a-fA-F]{1,8})\s*$/.exec(text) ?? [];
  if (digits === undefined) throw new ParseError(`get_throttled: ${quote(text)} is not a word of flags`);
  const word = Number.parseInt(digits, 16);
  const isSet = (bit: number) => (word >>> bit) % 2 === 1;
  return Object.fromEntries(
    Object.entries(BITS).flatMap(([name, bit]) => [
      [name, isSet(bit)],
      [`${name}_occurred`, isSet(bit + 16)],
    ]),
  );
}

/** `vcgencmd measure_volts core`: `volt=0.8600V`. Throws ParseError. */
export function parseVolts(text: string): number {
  const [, volts] = /^volt=([0-9]{1,3}\.[0-9]{1,6})V\s*$/.exec(text) ?? [];
  if (volts === undefined) throw new ParseError(`measure_volts: ${quote(text)} is not a voltage`);
  return Number(volts);
}

/** cpufreq's kHz as hertz. Throws ParseError. */
export function parseKilohertz(text: string): number {
  if (!/^[0-9]{1,10}\s*$/.test(text)) throw new ParseError(`scaling_cur_freq: ${quote(text)} is not a frequency`);
  return Number(text) * 1000;
}
