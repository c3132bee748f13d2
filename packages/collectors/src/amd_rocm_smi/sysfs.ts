import type { HostAccess } from '@hostwire/host-access';
import type { FieldValue, Row } from '@hostwire/model';
import { DRM, type DrmCard, findDrmCards, readTexts } from '../drm-cards.ts';
import { readDirOrNone } from '../proc-text.ts';
import { activeClock, scaled, wholeOf } from './parse.ts';

/** The cards of AMD. */
export function findCards(access: HostAccess, signal: AbortSignal): Promise<DrmCard[]> {
  return findDrmCards(access, ['amdgpu'], signal);
}

/** Files below the card's device, as the driver amdgpu documents them (Documentation/gpu/amdgpu in the kernel). */
const FILES = ['gpu_busy_percent', 'mem_busy_percent', 'mem_info_vram_total', 'mem_info_vram_used', 'unique_id'].concat([
  'pp_dpm_sclk',
  'pp_dpm_mclk',
  'pp_dpm_fclk',
  'pp_dpm_socclk',
  'pp_dpm_dcefclk',
]);
const SENSORS = ['power1_average', 'power1_input', 'pwm1', 'pwm1_max'].concat(
  [1, 2, 3].flatMap((index) => [`temp${index}_label`, `temp${index}_input`]),
);

/** The rows of `amd_rocm_smi` by what the kernel tells. */
export async function readSysfs(access: HostAccess, cards: readonly DrmCard[], signal: AbortSignal): Promise<Row[]> {
  return await Promise.all(
    cards.map(async ({ name, deviceId }) => {
      const device = `${DRM}/${name}/device`;
      const [sensor] = await readDirOrNone(access, `${device}/hwmon`, { signal });
      const paths = FILES.map((file) => `${device}/${file}`).concat(
        sensor === undefined ? [] : SENSORS.map((file) => `${device}/hwmon/${sensor}/${file}`),
      );
      const texts = await readTexts(access, paths, signal);
      const of = (file: string) => texts.get(`${device}/${file}`) ?? texts.get(`${device}/hwmon/${sensor}/${file}`);
      const total = wholeOf(of('mem_info_vram_total'));
      const used = wholeOf(of('mem_info_vram_used'));
      const found: Record<string, FieldValue | null> = {
        utilization_gpu: wholeOf(of('gpu_busy_percent')),
        utilization_memory: wholeOf(of('mem_busy_percent')),
        memory_total: total,
        memory_used: used,
        memory_free: total === null || used === null ? null : Math.max(0, total - used),
        power_draw: scaled(of('power1_average') ?? of('power1_input'), 1e6),
        fan_speed: fanPercent(of('pwm1'), of('pwm1_max')),
        clocks_current_sm: activeClock(of('pp_dpm_sclk')),
        clocks_current_memory: activeClock(of('pp_dpm_mclk')),
        clocks_current_fabric: activeClock(of('pp_dpm_fclk')),
        clocks_current_system: activeClock(of('pp_dpm_socclk')),
        clocks_current_display: activeClock(of('pp_dpm_dcefclk')),
      };
      for (const index of [1, 2, 3]) {
        const sensorName = { edge: 'edge', junction: 'junction', mem: 'memory' }[of(`temp${index}_label`) ?? ''];
        if (sensorName !== undefined) found[`temperature_sensor_${sensorName}`] = scaled(of(`temp${index}_input`), 1000);
      }
      const id = of('unique_id');
      const tags = { name, ...(deviceId === '' ? {} : { gpu_id: deviceId }), ...(id === undefined ? {} : { gpu_unique_id: `0x${id}` }) };
      return {
        tags,
        fields: Object.fromEntries(Object.entries(found).filter((entry): entry is [string, FieldValue] => entry[1] !== null)),
      };
    }),
  );
}

function fanPercent(pwm: string | undefined, max: string | undefined): number | null {
  const [now, most] = [wholeOf(pwm), wholeOf(max) ?? 255];
  return now === null || most <= 0 ? null : Math.round((100 * now) / most);
}
