import type { AccessOptions, HostAccess } from '@hostwire/host-access';
import type { Row } from '@hostwire/model';
import Type from 'typebox';
import { defineCollector } from '../collector.ts';
import { gauge } from '../declare.ts';
import { isAbsent } from '../proc-text.ts';
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
    thermal_zones: Type.Boolean({ default: false, description: 'Report the thermal zones also where there are hwmon sensors' }),
  }),
  async probe(access) {
    const found = (await findHwmon(access, {})).length + (await findZones(access, {})).length;
    return found > 0
      ? { available: true }
      : {
          available: false,
          reason: 'no temperature sensor',
          hint: 'load the driver of the sensors (sensors-detect), or map /sys into the container',
        };
  },
  async collect({ access, options, signal, report }) {
    const hwmon = await findHwmon(access, { signal });
    const zones = hwmon.length === 0 || options.thermal_zones ? await findZones(access, { signal }) : [];
    const sensors = [...hwmon, ...zones];
    const texts = await access.readFiles(
      sensors.map(({ file }) => file),
      { signal },
    );
    const rows: Row[] = [];
    let failures = 0;
    for (const [index, { file, tags }] of sensors.entries()) {
      const text = texts[index];
      // A sensor without a reading just now (a disk asleep, an unused slot) fails with EIO, ENODATA, EAGAIN and others.
      if (typeof text !== 'string') failures++;
      else {
        try {
          rows.push({ tags, fields: { temp: parseMillidegrees(text, file) } });
        } catch (error) {
          report(error);
        }
      }
    }
    if (failures > 0 && failures === sensors.length) throw texts[0];
    return { temp: rows };
  },
});

async function findHwmon(access: HostAccess, options: AccessOptions): Promise<Sensor[]> {
  const sensors: Sensor[] = [];
  const seen = new Set<string>();
  for (const entry of await list(access, HWMON, options)) {
    // Drivers of old put their files one folder deeper.
    for (const folder of [`${HWMON}/${entry}`, `${HWMON}/${entry}/device`]) {
      const inputs = temperatureInputs(await list(access, folder, options));
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

async function findZones(access: HostAccess, options: AccessOptions): Promise<Sensor[]> {
  const zones = (await list(access, THERMAL, options)).filter((name) => /^thermal_zone[0-9]+$/.test(name));
  const types = await access.readFiles(
    zones.map((zone) => `${THERMAL}/${zone}/type`),
    options,
  );
  return zones.map((zone, index) => {
    const type = types[index];
    return { file: `${THERMAL}/${zone}/temp`, tags: { sensor: typeof type === 'string' ? type.trim() : zone, device: zone } };
  });
}

async function list(access: HostAccess, folder: string, options: AccessOptions): Promise<string[]> {
  try {
    return await access.readDir(folder, options);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

function baseName(path: string): string {
  return path.split('/').at(-1) ?? '';
}
