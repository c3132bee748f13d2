// The health check of the agent's container: 0 while it is connected to the broker.
import { statSync } from 'node:fs';

const file = process.env['HOSTWIRE_AGENT_HEALTH_FILE'];
const seconds = (Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0)) / 1000;
process.stdout.write(seconds < 30 ? 'connected\n' : 'not connected to the broker; its log says why\n');
process.exitCode = seconds < 30 ? 0 : 1;
