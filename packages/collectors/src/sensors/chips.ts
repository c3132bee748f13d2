import { AccessError, type AccessOptions, type HostAccess } from '@hostwire/host-access';
import { readDirOrNone } from '../proc-text.ts';
import { MOVES } from './declaration.ts';
import { chipName, type FeatureFile, parseReading, snakeCase, toFeatureFile } from './parse.ts';

export const HWMON = '/sys/class/hwmon';

/** Something that a chip measures. */
export interface Feature {
  readonly tags: { readonly chip: string; readonly feature: string };
  /** What it says now: path and field. */
  readonly moving: readonly { readonly path: string; readonly field: string }[];
  /** Its limits, which do not change by themselves. */
  readonly settings: Readonly<Record<string, number>>;
}

/** Buses that a chip may be on; of a device on another one the device above it tells. */
const BUSES = new Set(['i2c', 'spi', 'pci', 'scsi', 'hid', 'acpi', 'platform', 'of_platform', 'mdio_bus', 'isa']);

/** What the chips of these hwmon folders measure; chips whose name `isIgnored` takes are left out. */
export async function findFeatures(
  access: HostAccess,
  entries: readonly string[],
  isIgnored: (chip: string) => boolean,
  options: AccessOptions,
): Promise<Feature[]> {
  const features: Feature[] = [];
  const chips = new Set<string>();
  for (const entry of entries) {
    // Drivers of old put their files one folder deeper.
    for (const folder of [`${HWMON}/${entry}`, `${HWMON}/${entry}/device`]) {
      const files = (await readDirOrNone(access, folder, options)).flatMap((file) => toFeatureFile(file) ?? []);
      if (files.length === 0) continue;
      const name = await nameOf(access, entry, folder, options);
      const chip = chips.has(name) ? `${name}-${entry}` : name;
      chips.add(chip);
      if (!isIgnored(chip)) features.push(...(await featuresOf(access, folder, chip, files, options)));
      break;
    }
  }
  return features;
}

async function nameOf(access: HostAccess, entry: string, folder: string, options: AccessOptions): Promise<string> {
  const [driver] = await access.readFiles([`${folder}/name`], options);
  const prefix = typeof driver === 'string' && driver.trim() !== '' ? driver.trim() : entry;
  const link = (path: string) =>
    access.readLink(path, options).then(
      (target) => target.split('/').at(-1) ?? '',
      () => '',
    );
  // nvme0 is on no bus that has addresses; the PCI device above it is.
  for (const device of [`${HWMON}/${entry}/device`, `${HWMON}/${entry}/device/device`]) {
    const [own, bus] = [await link(device), await link(`${device}/subsystem`)];
    if (own === '') break;
    if (BUSES.has(bus)) return chipName(prefix, bus, own);
  }
  return chipName(prefix, '', '');
}

async function featuresOf(
  access: HostAccess,
  folder: string,
  chip: string,
  files: readonly FeatureFile[],
  options: AccessOptions,
): Promise<Feature[]> {
  const byFeature = new Map<string, FeatureFile[]>();
  for (const file of files) byFeature.set(file.feature, [...(byFeature.get(file.feature) ?? []), file]);
  const names = [...byFeature.keys()];
  const labels = await access.readFiles(
    names.map((name) => `${folder}/${name}_label`),
    options,
  );
  const seen = new Set<string>();
  const features: Feature[] = [];
  for (const [index, [name, own]] of [...byFeature].entries()) {
    const text = labels[index];
    const label = typeof text === 'string' && text.trim() !== '' ? snakeCase(text.trim()) : name;
    const feature = seen.has(label) ? `${label}_${name}` : label;
    seen.add(feature);
    const settings = await readSettings(access, folder, own, options);
    const moving = own.filter(({ subfeature }) => MOVES.test(subfeature));
    // Limits of what is not connected say nothing.
    if (moving.length === 0) continue;
    const paths = moving.map(({ file, subfeature }) => ({ path: `${folder}/${file}`, field: subfeature }));
    features.push({ tags: { chip, feature }, moving: paths, settings });
  }
  return features;
}

async function readSettings(
  access: HostAccess,
  folder: string,
  files: readonly FeatureFile[],
  options: AccessOptions,
): Promise<Record<string, number>> {
  const still = files.filter(({ subfeature }) => !MOVES.test(subfeature));
  const texts = await access.readFiles(
    still.map(({ file }) => `${folder}/${file}`),
    options,
  );
  const settings: Record<string, number> = {};
  for (const [index, { file, subfeature }] of still.entries()) {
    const text = texts[index];
    if (text instanceof AccessError || text === undefined) continue;
    settings[subfeature] = parseReading(text, subfeature, `${folder}/${file}`);
  }
  return settings;
}
