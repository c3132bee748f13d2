import type { Row } from '@hostwire/model';
import Type from 'typebox';
import { type CollectContext, defineCollector } from '../collector.ts';
import { globs } from '../glob.ts';
import { readDirOrNone } from '../proc-text.ts';
import { type Feature, findFeatures, HWMON } from './chips.ts';
import { MEASUREMENTS } from './declaration.ts';
import { parseReading } from './parse.ts';

/** Limits are read again after this, in case somebody set others. */
const LOOK_AGAIN_MS = 3_600_000;

export const sensors = defineCollector({
  name: 'sensors',
  tier: 'medium',
  help: 'Fans, voltages, currents, power and temperatures of hardware monitors (hwmon), with their limits.',
  measurements: MEASUREMENTS,
  options: Type.Object({
    ignore_chips: Type.Array(Type.String(), {
      remote: true,
      default: ['drivetemp-*'],
      description: 'Patterns of chips to leave out; by default those of disks, which may be kept from sleeping by it',
    }),
  }),
  async probe(access, { ignore_chips }) {
    const features = await findFeatures(access, await readDirOrNone(access, HWMON, {}), globs(ignore_chips), {});
    if (features.length > 0) return { available: true };
    return {
      available: false,
      reason: 'no hardware monitor',
      hint: 'load the driver of the sensors (sensors-detect), or map /sys into the container',
    };
  },
  async collect(context) {
    const { access, memory, report, signal } = context;
    const features = await knownFeatures(context);
    const files = features.flatMap((feature) => feature.moving.map((file) => ({ feature, ...file })));
    const texts = await access.readFiles(
      files.map(({ path }) => path),
      { signal },
    );
    const rows = new Map<Feature, Record<string, number>>();
    for (const [index, { feature, path, field }] of files.entries()) {
      const text = texts[index];
      // A sensor without a reading just now (an unused slot, a device asleep) fails with EIO, ENODATA, EAGAIN and others.
      if (typeof text !== 'string') continue;
      try {
        const fields = rows.get(feature) ?? { ...feature.settings };
        fields[field] = parseReading(text, field, path);
        rows.set(feature, fields);
      } catch (error) {
        report(error);
      }
    }
    const [failure] = texts;
    if (failure !== undefined && typeof failure !== 'string' && texts.every((text) => typeof text !== 'string')) {
      memory.delete('found');
      throw failure;
    }
    return { sensors: [...rows].map(([{ tags }, fields]): Row => ({ tags, fields })) };
  },
});

/** Those of the last look, unless chips came or went since. */
async function knownFeatures({ access, memory, monotonic, options, signal }: CollectContext): Promise<readonly Feature[]> {
  const { ignore_chips } = options as { readonly ignore_chips: readonly string[] };
  const entries = await readDirOrNone(access, HWMON, { signal });
  const known = memory.get('found') as { readonly chips: string; readonly at: number; readonly features: readonly Feature[] } | undefined;
  const chips = entries.join(' ');
  if (known !== undefined && known.chips === chips && monotonic - known.at < LOOK_AGAIN_MS) return known.features;
  const features = await findFeatures(access, entries, globs(ignore_chips), { signal });
  memory.set('found', { chips, at: monotonic, features });
  return features;
}
