import { ParseError, quote } from '../proc-text.ts';
import { SUBFEATURES } from './declaration.ts';

/** A file of a chip that is reported: `fan1_input` is the subfeature `fan_input` of the feature `fan1`. */
export interface FeatureFile {
  readonly file: string;
  readonly feature: string;
  readonly subfeature: string;
}

/** What a file of this name is, or null if it is not reported. */
export function toFeatureFile(file: string): FeatureFile | null {
  const [, kind, number, part] = /^([a-z]{2,10})([0-9]{1,4})_([a-z_]{1,20})$/.exec(file) ?? [];
  const subfeature = `${kind}_${part}`;
  return kind === undefined || !SUBFEATURES.has(subfeature) ? null : { file, feature: `${kind}${number}`, subfeature };
}

/** The integer of a file in the unit of its field. Throws ParseError. */
export function parseReading(text: string, subfeature: string, what: string): number {
  if (!/^-?[0-9]{1,15}\s*$/.test(text)) throw new ParseError(`${what}: ${quote(text)} is not a number`);
  return Number(text) / (SUBFEATURES.get(subfeature)?.divisor ?? 1);
}

/** Telegraf's snake case: `Core 0` is core_0, `Tctl` tctl, `CPU Fan` cpu__fan. */
export function snakeCase(label: string): string {
  return label
    .replace(/(?<=.)(?:\p{Lu}(?=\p{Ll})|(?<=\p{Ll})\p{Lu})/gu, '_$&')
    .toLowerCase()
    .replaceAll(' ', '_');
}

/**
 * The name of a chip as libsensors makes it (lib/sysfs.c, sensors_read_one_sysfs_chip, and sensors_snprintf_chip_name): of the driver, the
 * bus that its device is on (the last part of its link `subsystem`; empty: no device) and the device's own name.
 */
export function chipName(driver: string, bus: string, device: string): string {
  const numbers = (pattern: RegExp) => pattern.exec(device)?.slice(1) ?? [];
  const hex = (value: number, digits = 0) => value.toString(16).padStart(digits, '0');
  const of = (rest: string) => `${driver}-${rest}`;
  switch (bus) {
    case 'i2c': {
      const [adapter, address] = numbers(/^([0-9]{1,4})-([0-9a-f]{1,4})$/);
      return of(`i2c-${adapter ?? 0}-${hex(Number.parseInt(address ?? '0', 16), 2)}`);
    }
    case 'spi': {
      const [controller, select] = numbers(/^spi([0-9]{1,4})\.([0-9]{1,4})$/);
      return of(`spi-${controller ?? 0}-${hex(Number(select ?? 0))}`);
    }
    case 'pci': {
      const [domain = '0', number = '0', slot = '0', part = '0'] = numbers(/^([0-9a-f]{1,8}):([0-9a-f]{1,2}):([0-9a-f]{1,2})\.([0-7])$/);
      const address = [domain, number, slot, part].map((text) => Number.parseInt(text, 16));
      const [a = 0, b = 0, c = 0, d = 0] = address;
      return of(`pci-${hex(a * 65_536 + b * 256 + c * 8 + d, 4)}`);
    }
    case 'scsi': {
      const [adapter = '0', channel = '0', target = '0', unit = '0'] = numbers(/^([0-9]{1,4}):([0-9]{1,4}):([0-9]{1,4}):([0-9a-f]{1,4})$/);
      return of(`scsi-${adapter}-${hex(Number(channel) * 256 + Number(target) * 16 + Number.parseInt(unit, 16))}`);
    }
    case 'hid': {
      const [number = '0', , , address = '0'] = numbers(/^([0-9A-F]{1,4}):([0-9A-F]{1,4}):([0-9A-F]{1,4})\.([0-9A-F]{1,4})$/i);
      return of(`hid-${Number.parseInt(number, 16)}-${hex(Number.parseInt(address, 16))}`);
    }
    case 'acpi':
      return of('acpi-0');
    case '':
      return of('virtual-0');
    default: {
      const [address = '0'] = numbers(/\.([0-9]{1,9})$/);
      return of(`isa-${hex(Number(address), 4)}`);
    }
  }
}
