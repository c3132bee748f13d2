import type { HostAccess } from '@hostwire/host-access';
import type { Capability, FieldValue, Row } from '@hostwire/model';
import Type from 'typebox';
import { type CollectContext, defineCollector } from '../collector.ts';
import { counter, gauge } from '../declare.ts';
import { DRM, type DrmCard, findDrmCards, readTexts } from '../drm-cards.ts';
import { readDirOrNone } from '../proc-text.ts';
import { gtFields, gtFiles, SENSOR_FILES, sensorFields } from './parse.ts';

const DRIVERS = ['i915', 'xe'];
const CARD = { name: 'card0, card1 ...', gpu_id: 'Id of the model' };

export const intelGpu = defineCollector({
  name: 'intel_gpu',
  tier: 'fast',
  help: 'GPUs of Intel, by what the drivers i915 and xe tell.',
  needsTwo: true,
  measurements: {
    intel_gpu: {
      help: 'A card with sensors of its own: power, temperature, fan.',
      tags: CARD,
      fields: {
        power_draw: gauge('float', 'watts', 'In use since the last reading'),
        power_limit: gauge('float', 'watts', 'Limit'),
        temperature_gpu: gauge('float', 'celsius', 'Of the processor'),
        temperature_memory: gauge('float', 'celsius', 'Of the memory'),
        fan_speed_rpm: gauge('int', 'rpm', 'Fan'),
      },
    },
    intel_gpu_gt: {
      help: 'A part of a card with a clock of its own.',
      tags: { ...CARD, gt: 'gt0: what draws and computes; gt1: media, where that is apart' },
      fields: {
        awake_percent: gauge('float', 'percent', 'Time since the last reading that it was not asleep (RC6)'),
        rc6_residency_ms: counter('ms', 'Time asleep (RC6)'),
        frequency_actual: gauge('int', 'MHz', 'Clock; 0 asleep'),
        frequency_requested: gauge('int', 'MHz', 'Clock that the driver asks for'),
        frequency_min: gauge('int', 'MHz', 'Least that it may ask for'),
        frequency_max: gauge('int', 'MHz', 'Most that it may ask for'),
        frequency_rp0: gauge('int', 'MHz', 'Most that the hardware can do'),
      },
    },
  },
  options: Type.Object({}),
  async probe(access): Promise<Capability> {
    const cards = await findDrmCards(access, DRIVERS, AbortSignal.timeout(5000));
    return cards.length > 0 ? { available: true } : { available: false, reason: 'there is no GPU with the driver i915 or xe' };
  },
  async collect(context) {
    const cards = await findDrmCards(context.access, DRIVERS, context.signal);
    const before = (context.memory.get('reading') ?? new Map()) as ReadonlyMap<string, Counted>;
    const now = new Map<string, Counted>();
    const rows = await Promise.all(cards.map((card) => readCard(context, card, before, now)));
    context.memory.set('reading', now);
    return { intel_gpu: rows.flatMap(({ sensors }) => sensors), intel_gpu_gt: rows.flatMap(({ gts }) => gts) };
  },
});

/** A counter's reading. */
interface Counted {
  readonly value: number;
  /** Milliseconds on the monotonic clock. */
  readonly monotonic: number;
}

async function readCard(
  { access, signal, monotonic }: CollectContext,
  card: DrmCard,
  before: ReadonlyMap<string, Counted>,
  now: Map<string, Counted>,
): Promise<{ readonly sensors: Row[]; readonly gts: Row[] }> {
  const tags = { name: card.name, ...(card.deviceId === '' ? {} : { gpu_id: card.deviceId }) };
  /** Growth per millisecond since the last reading; null at the first, and when the counter began anew. */
  const rate = (counted: string, value: number): number | null => {
    const key = `${card.name} ${counted}`;
    const last = before.get(key);
    now.set(key, { value, monotonic });
    return last === undefined || monotonic <= last.monotonic || value < last.value
      ? null
      : (value - last.value) / (monotonic - last.monotonic);
  };
  const folder = `${DRM}/${card.name}`;
  const parts = gtFiles(
    card.driver,
    folder,
    await readDirOrNone(access, card.driver === 'xe' ? `${folder}/device/tile0` : `${folder}/gt`, { signal }),
  );
  const texts = await readTexts(
    access,
    parts.flatMap(({ files }) => Object.values(files).flat()),
    signal,
  );
  const gts = parts.flatMap((part): Row[] => {
    const fields: Record<string, FieldValue> = gtFields(part, texts);
    const asleep = fields['rc6_residency_ms'];
    const share = typeof asleep === 'number' ? rate(part.gt, asleep) : null;
    if (share !== null) fields['awake_percent'] = Math.min(100, Math.max(0, 100 * (1 - share)));
    return Object.keys(fields).length === 0 ? [] : [{ tags: { ...tags, gt: part.gt }, fields }];
  });
  const { fields, energy } = sensorFields(await readSensors(access, folder, signal));
  // Microjoules per millisecond are milliwatts.
  const milliwatts = energy === null ? null : rate('energy', energy);
  if (milliwatts !== null) fields['power_draw'] = milliwatts / 1000;
  return { sensors: Object.keys(fields).length === 0 ? [] : [{ tags, fields }], gts };
}

async function readSensors(access: HostAccess, folder: string, signal: AbortSignal): Promise<Map<string, string>> {
  const [name] = (await readDirOrNone(access, `${folder}/device/hwmon`, { signal })).filter((each) => /^hwmon[0-9]+$/.test(each));
  if (name === undefined) return new Map();
  const base = `${folder}/device/hwmon/${name}/`;
  const texts = await readTexts(
    access,
    SENSOR_FILES.map((file) => `${base}${file}`),
    signal,
  );
  return new Map([...texts].map(([path, text]) => [path.slice(base.length), text]));
}
