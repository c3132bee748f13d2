import type { ServiceBody, ServicesBody } from '../api/session-schemas.ts';
import type { HostLive } from './host-live.ts';
import { millisecondsOf, numberOf, textOf } from './values.ts';

const US_PER_MS = 1000n;

/** The units of systemd of a host out of its newest rows, those that failed first, then by name. What is not known is null. */
export function servicesOf(host: HostLive): ServicesBody {
  const found = host.standing('systemd_units', 'systemd_units');
  const services = (found?.rows ?? []).map(({ tags = {}, fields }): ServiceBody => {
    const since = millisecondsOf(fields['active_enter_timestamp_us'], US_PER_MS);
    return {
      name: tags['name'] ?? '',
      description: textOf(fields['description']),
      load: textOf(fields['load']),
      active: textOf(fields['active']),
      sub: textOf(fields['sub']),
      restarts: numberOf(fields['restarts']),
      memory: numberOf(fields['mem_current']),
      since: since === 0 ? null : since,
    };
  });
  return {
    timestamp: found?.time ?? null,
    services: services.sort((a, b) => Number(hasFailed(b)) - Number(hasFailed(a)) || (a.name < b.name ? -1 : 1)),
    allHealthy: services.length === 0 ? null : !services.some(hasFailed),
  };
}

function hasFailed({ active }: ServiceBody): boolean {
  return active === 'failed';
}
