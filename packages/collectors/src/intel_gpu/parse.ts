import type { FieldValue } from '@hostwire/model';

/** What is read of one GT (a part of the card with a clock of its own): field -> files, of which the first that is there counts. */
export interface GtFiles {
  readonly gt: string;
  readonly files: Readonly<Record<string, readonly string[]>>;
}

/**
 * Where the drivers i915 and xe tell what a GT does (kernel: Documentation/ABI/testing/sysfs-driver-intel-xe-hwmon,
 * drivers/gpu/drm/i915/gt/intel_gt_sysfs_pm.c, drivers/gpu/drm/xe/xe_gt_freq.c, xe_gt_idle.c). `card` is the card's folder,
 * `gts` the names below `gt` (i915) or `device/tile0` (xe).
 */
export function gtFiles(driver: string, card: string, gts: readonly string[]): GtFiles[] {
  const names = gts.filter((name) => /^gt[0-9]{1,2}$/.test(name)).sort();
  if (driver === 'xe') {
    return names.map((gt) => ({
      gt,
      files: {
        ...frequencies((name) => [`${card}/device/tile0/${gt}/freq0/${name}_freq`], ['act', 'cur', 'min', 'max', 'rp0']),
        rc6_residency_ms: [`${card}/device/tile0/${gt}/gtidle/idle_residency_ms`],
      },
    }));
  }
  return (names.length === 0 ? ['gt0'] : names).map((gt) => {
    // Kernels before 5.18 tell of the first one only, and in the card's own folder.
    const old = (name: string) => (gt === 'gt0' ? [`${card}/${name}`] : []);
    return {
      gt,
      files: {
        ...frequencies(
          (name) => [`${card}/gt/${gt}/rps_${name}_freq_mhz`, ...old(`gt_${name}_freq_mhz`)],
          ['act', 'cur', 'min', 'max', 'RP0'],
        ),
        rc6_residency_ms: [`${card}/gt/${gt}/rc6_residency_ms`, ...old('power/rc6_residency_ms')],
      },
    };
  });
}

const FIELDS = ['frequency_actual', 'frequency_requested', 'frequency_min', 'frequency_max', 'frequency_rp0'] as const;

function frequencies(path: (name: string) => string[], names: readonly string[]): Record<string, string[]> {
  return Object.fromEntries(FIELDS.map((field, index) => [field, path(names[index] ?? '')]));
}

/** Whole numbers of the fields whose files were read. */
export function gtFields({ files }: GtFiles, texts: ReadonlyMap<string, string>): Record<string, number> {
  const fields: Record<string, number> = {};
  for (const [field, paths] of Object.entries(files)) {
    const value = wholeOf(paths.map((path) => texts.get(path)).find((text) => text !== undefined));
    if (value !== null) fields[field] = value;
  }
  return fields;
}

/** Of a card with sensors (hwmon, as its driver documents it): levels, and the energy that was used so far in microjoules. */
export function sensorFields(texts: ReadonlyMap<string, string>): {
  readonly fields: Record<string, FieldValue>;
  readonly energy: number | null;
} {
  const fields: Record<string, FieldValue> = {};
  const put = (field: string, file: string, parts: number) => {
    const value = wholeOf(texts.get(file));
    if (value !== null) fields[field] = value / parts;
  };
  put('power_limit', 'power1_max', 1e6);
  put('power_limit', 'power1_cap', 1e6);
  put('fan_speed_rpm', 'fan1_input', 1);
  for (const index of [1, 2, 3, 4]) {
    const label = texts.get(`temp${index}_label`) ?? (index === 1 ? 'pkg' : '');
    if (label === 'pkg') put('temperature_gpu', `temp${index}_input`, 1000);
    if (label === 'vram') put('temperature_memory', `temp${index}_input`, 1000);
  }
  // What is labelled `card` is of all of it; without a label there is only one.
  const whole = [1, 2].find((index) => texts.get(`energy${index}_label`) === 'card') ?? 1;
  return { fields, energy: wholeOf(texts.get(`energy${whole}_input`)) };
}

/** Files of a card's sensors. */
export const SENSOR_FILES = ['power1_max', 'power1_cap', 'fan1_input'].concat(
  [1, 2].flatMap((index) => [`energy${index}_input`, `energy${index}_label`]),
  [1, 2, 3, 4].flatMap((index) => [`temp${index}_input`, `temp${index}_label`]),
);

/** A whole number up to 2^53; null for anything else. */
export function wholeOf(text: string | undefined): number | null {
  return text !== undefined && /^[0-9]{1,15}$/.test(text) ? Number(text) : null;
}
