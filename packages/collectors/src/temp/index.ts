import type { AccessOptions, HostAccess } from '@hostwire/host-access';
import type { Row } from '@hostwire/model';
import Type from 'typebox';
import { defineCollector } from '../collector.ts';
import { gauge } from '../declare.ts';
import { readDirOrNone } from '../proc-text.ts';
import { parseMillidegrees, sensorName, temperatureInputs } from './parse.ts';

const HWMON = '/sys/class/hwmon';
const THERMAL = '/sys/class/thermal';

/** A temperature that can be read. */
interface Sensor {
  readonly file: string;
  readonly tags: Readonly<Record<string, string>>;
}

export const temp = defineCollector({
  name: 'temp',
  tier: 'fast',
  help: 'Temperatures of the hardware sensors (hwmon), or of the thermal zones where there are none.',
  measurements: {
    temp: {
      help: 'Temperature of a sensor.',
      tags: {
        sensor: "The chip and the sensor's label: coretemp_core_0, nvme_composite",
        device: 'The device that the chip belongs to: nvme0, coretemp.0',
      },
      fields: { temp: gauge('float', 'celsius', 'Temperature') },
    },
  },
  options: Type.Object({
    thermal_zones: Type.Boolean({
      remote: true,
      default: false,
      description: 'Report the thermal zones also where there are hwmon sensors',
    }),
  }),
  async probe(access) {
    const { sensors } = await findSensors(access, true, {});
    return sensors.length > 0
      ? { available: true }
      : {
          available: false,
          reason: 'no temperature sensor',
          hint: 'load the driver of the sensors (sensors-detect), or map /sys into the container',
        };
  },
  async collect({ access, options, memory, signal, report }) {
    const known = memory.get('sensors') as Found | undefined;
    const found = await findSensors(access, options.thermal_zones, { signal }, known);
    memory.set('sensors', found);
    const texts = await access.readFiles(
      found.sensors.map(({ file }) => file),
      { signal },
    );
    const rows: Row[] = [];
    for (const [index, { file, tags }] of found.sensors.entries()) {
      const text = texts[index];
      // A sensor without a reading just now (a disk asleep, an unused slot) fails with EIO, ENODATA, EAGAIN and others.
      if (typeof text !== 'string') continue;
      try {
        rows.push({ tags, fields: { temp: parseMillidegrees(text, file) } });
      } catch (error) {
        report(error);
      }
    }
    const [failure] = texts;
    if (failure !== undefined && typeof failure !== 'string' && texts.every((text) => typeof text !== 'string')) {
      memory.delete('sensors');
      throw failure;
    }
    return { temp: rows };
  },
});

/** Sensors, and the chips and zones that they were found in. */
interface Found {
  readonly chips: string;
  readonly sensors: readonly Sensor[];
}

/** Looks for sensors; not again if there are the same chips and zones as in `known`. */
async function findSensors(access: HostAccess, alwaysZones: boolean, options: AccessOptions, known?: Found): Promise<Found> {
  const hwmon = await readDirOrNone(access, HWMON, options);
  const zones = (await readDirOrNone(access, THERMAL, options)).filter((name) => /^thermal_zone[0-9]+$/.test(name));
  const chips = [...hwmon, ...zones].join(' ');
  if (known?.chips === chips) return known;
  const sensors = await findHwmon(access, hwmon, options);
  return { chips, sensors: sensors.length === 0 || alwaysZones ? [...sensors, ...(await findZones(access, zones, options))] : sensors };
}

async function findHwmon(access: HostAccess, entries: readonly string[], options: AccessOptions): Promise<Sensor[]> {
  const sensors: Sensor[] = [];
  const seen = new Set<string>();
  for (const entry of entries) {
    // Drivers of old put their files one folder deeper.
    for (const folder of [`${HWMON}/${entry}`, `${HWMON}/${entry}/device`]) {
      const inputs = temperatureInputs(await readDirOrNone(access, folder, options));
      if (inputs.length === 0) continue;
      const [name, ...labels] = await access.readFiles([`${folder}/name`, ...inputs.map((n) => `${folder}/temp${n}_label`)], options);
      const device = await access.readLink(`${HWMON}/${entry}/device`, options).then(baseName, () => '');
      for (const [index, n] of inputs.entries()) {
        const label = labels[index];
        const sensor = sensorName(typeof name === 'string' ? name : entry, typeof label === 'string' ? label : '');
        const isDuplicate = seen.has(`${device}/${sensor}`);
        seen.add(`${device}/${sensor}`);
        sensors.push({ file: `${folder}/temp${n}_input`, tags: { sensor: isDuplicate ? `${sensor}_temp${n}` : sensor, device } });
      }
      break;
    }
  }
  return sensors;
}

async function findZones(access: HostAccess, zones: readonly string[], options: AccessOptions): Promise<Sensor[]> {
  const types = await access.readFiles(
    zones.map((zone) => `${THERMAL}/${zone}/type`),
    options,
  );
  return zones.map((zone, index) => {
    const type = types[index];
    return { file: `${THERMAL}/${zone}/temp`, tags: { sensor: typeof type === 'string' ? type.trim() : zone, device: zone } };
  });
}

function baseName(path: string): string {
  return path.split('/').at(-1) ?? '';
}
