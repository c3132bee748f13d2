import { RegistryError, SERVER_USERNAME } from './registry.ts';

/** Throws RegistryError `invalid` if this is the server's own MQTT username. */
export function refuseReserved(name: string): void {
  if (name !== SERVER_USERNAME) return;
  throw new RegistryError('invalid', `${name} is the MQTT username of the server itself; choose another name`);
}
