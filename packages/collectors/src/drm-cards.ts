import type { AccessError, HostAccess } from '@hostwire/host-access';
import { isAbsent, readDirOrNone } from './proc-text.ts';

/** A graphics card of the kernel (class drm). */
export interface DrmCard {
  /** `card0`. */
  readonly name: string;
  /** `renderD128`; empty if it has none. */
  readonly render: string;
  /** `i915`, `xe`, `amdgpu`. */
  readonly driver: string;
  /** Such as 0x73df. */
  readonly deviceId: string;
}

export const DRM = '/sys/class/drm';

/** The cards with one of these drivers, in the order of their numbers. Empty where there is no such class. */
export async function findDrmCards(access: HostAccess, drivers: readonly string[], signal: AbortSignal): Promise<DrmCard[]> {
  const names = (await readDirOrNone(access, DRM, { signal }))
    .filter((name) => /^card[0-9]{1,3}$/.test(name))
    .sort((a, b) => Number(a.slice(4)) - Number(b.slice(4)));
  const cards = await Promise.all(
    names.map(async (name): Promise<DrmCard[]> => {
      const driver = (await access.readLink(`${DRM}/${name}/device/driver`, { signal }).catch(toEmpty)).split('/').at(-1) ?? '';
      if (!drivers.includes(driver)) return [];
      const [deviceId] = (await access.readFiles([`${DRM}/${name}/device/device`], { signal })).map(textOrEmpty);
      const nodes = await readDirOrNone(access, `${DRM}/${name}/device/drm`, { signal });
      return [{ name, driver, render: nodes.find((node) => /^renderD[0-9]+$/.test(node)) ?? '', deviceId: deviceId ?? '' }];
    }),
  );
  return cards.flat();
}

/** Path -> its text, trimmed, of those files that could be read. */
export async function readTexts(access: HostAccess, paths: readonly string[], signal: AbortSignal): Promise<Map<string, string>> {
  const texts = await access.readFiles(paths, { signal });
  return new Map(paths.flatMap((path, index) => (typeof texts[index] === 'string' ? [[path, texts[index].trim()] as const] : [])));
}

function textOrEmpty(text: string | AccessError): string {
  return typeof text === 'string' ? text.trim() : '';
}

function toEmpty(error: unknown): string {
  if (isAbsent(error)) return '';
  throw error;
}
