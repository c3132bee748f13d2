import { lookAtUnit } from '@hostwire/service/doctor';
import { SERVICE_UNIT, type ServerCheck } from '../server-look.ts';

/** Whether systemd starts the server at boot, where there is a unit of it. */
export const unit: ServerCheck = {
  name: 'service',
  run: (_look, signal) => lookAtUnit(SERVICE_UNIT, signal),
};
