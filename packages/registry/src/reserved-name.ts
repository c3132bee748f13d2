import { isHostId } from '@hostwire/model';
import { RegistryError, SERVER_USERNAME } from './registry.ts';

/** Throws RegistryError `invalid` if this is the server's own MQTT username. */
export function refuseReserved(name: string): void {
  if (name !== SERVER_USERNAME) return;
  throw new RegistryError('invalid', `${name} is the MQTT username of the server itself; choose another name`);
}

/** Throws RegistryError `invalid` if a host cannot have this name. */
export function checkHostName(host: string): void {
  if (!isHostId(host)) {
    throw new RegistryError(
      'invalid',
      `${JSON.stringify(host)} is not a host id: 1 to 63 of a-z, 0-9, '_', '.', '-', beginning with a letter or digit`,
    );
  }
  refuseReserved(host);
}
