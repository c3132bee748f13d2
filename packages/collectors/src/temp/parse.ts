import { ParseError, quote } from '../proc-text.ts';

/** Millidegrees of hwmon and thermal zones (Documentation/hwmon/sysfs-interface.rst) as degrees Celsius. Throws ParseError. */
export function parseMillidegrees(text: string, what: string): number {
  if (!/^-?[0-9]{1,10}\s*$/.test(text)) throw new ParseError(`${what}: ${quote(text)} is not a number`);
  return Number(text) / 1000;
}

/** Telegraf's name of a sensor (metric_format v2): `<chip>`, or `<chip>_<label>` in lower case with `_` for blanks. */
export function sensorName(chip: string, label: string): string {
  const suffix = label.trim().toLowerCase().replaceAll(' ', '_');
  return suffix === '' ? chip.trim() : `${chip.trim()}_${suffix}`;
}

/** The numbers N of the files `tempN_input` among `names`, in ascending order. */
export function temperatureInputs(names: readonly string[]): number[] {
  return names
    .flatMap((name) => /^temp([0-9]{1,4})_input$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}
