import type { FieldDeclaration, MeasurementDeclaration, Unit } from '@hostwire/model';
import { gauge } from '../declare.ts';

/** One kind of feature of hwmon: what its files are called, and what their integers stand for. */
interface Kind {
  readonly unit: Unit;
  /** An integer of the file divided by this is in `unit`. */
  readonly divisor: number;
  readonly help: string;
  /** Levels in `unit`, by the part of the file name after the number. */
  readonly levels: readonly string[];
}

const LIMITS = ['min', 'max', 'crit', 'lcrit', 'average', 'lowest', 'highest'];

/** Documentation/hwmon/sysfs-interface.rst of the kernel. */
export const KINDS: Readonly<Record<string, Kind>> = {
  fan: { unit: 'rpm', divisor: 1, help: 'Fan', levels: ['input', 'min', 'max', 'target'] },
  in: { unit: 'volts', divisor: 1000, help: 'Voltage', levels: ['input', ...LIMITS] },
  curr: { unit: 'amperes', divisor: 1000, help: 'Current', levels: ['input', ...LIMITS] },
  power: { unit: 'watts', divisor: 1e6, help: 'Power', levels: ['input', 'average', 'cap', 'cap_max', 'cap_min', 'max', 'crit'] },
  energy: { unit: '1', divisor: 1e6, help: 'Energy used, in joules', levels: ['input'] },
  humidity: { unit: 'percent', divisor: 1000, help: 'Relative humidity', levels: ['input'] },
  temp: {
    unit: 'celsius',
    divisor: 1000,
    help: 'Temperature',
    levels: ['input', 'min', 'max', 'max_hyst', 'crit', 'crit_hyst', 'lcrit', 'emergency', 'lowest', 'highest'],
  },
};

const FLAGS = ['alarm', 'min_alarm', 'max_alarm', 'crit_alarm', 'lcrit_alarm', 'emergency_alarm', 'fault'];
const WORDS: Readonly<Record<string, string>> = {
  input: 'as it is now',
  average: 'average, by the chip',
  min: 'lower limit',
  max: 'upper limit',
  crit: 'critical limit',
  lcrit: 'lower critical limit',
  emergency: 'limit at which the chip acts',
  max_hyst: 'below this the upper limit is over',
  crit_hyst: 'below this the critical limit is over',
  lowest: 'lowest ever',
  highest: 'highest ever',
  target: 'speed that is aimed at',
  cap: 'limit that is set',
  cap_max: 'highest limit that can be set',
  cap_min: 'lowest limit that can be set',
};

/** `fan_input` -> what it is, and the divisor of the file's integer. */
export const SUBFEATURES: ReadonlyMap<string, { readonly declaration: FieldDeclaration; readonly divisor: number }> = new Map(
  Object.entries(KINDS).flatMap(([kind, { unit, divisor, help, levels }]) => [
    ...levels.map(
      (level) => [`${kind}_${level}`, { declaration: gauge('float', unit, `${help}: ${WORDS[level] ?? level}`), divisor }] as const,
    ),
    ...FLAGS.map(
      (flag) => [`${kind}_${flag}`, { declaration: gauge('float', '1', `${help}: 1 if the chip tells of ${flag}`), divisor: 1 }] as const,
    ),
  ]),
);

/** What the chip measures now; the others are settings, which are read when the chip is found. */
export const MOVES = /_(?:input|average|lowest|highest|alarm|fault)$/;

export const MEASUREMENTS: Readonly<Record<string, MeasurementDeclaration>> = {
  sensors: {
    help: 'A fan, a voltage, a current, a power or a temperature of a hardware monitor, with its limits.',
    tags: {
      chip: 'As libsensors names it: nct6775-isa-0290, k10temp-pci-00c3',
      feature: 'Its label in lower case with _ for blanks, else its name: fan1, in0, vcore, core_0',
    },
    fields: Object.fromEntries([...SUBFEATURES].map(([name, { declaration }]) => [name, declaration])),
  },
};
