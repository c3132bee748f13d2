import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { promisify } from 'node:util';
import { fine, type Observation, warning } from './finding.ts';

const run = promisify(execFile);
const TIMEOUT_MS = 5000;

/** Whether systemd starts a service at boot; nothing where there is no systemd (sd_booted(3)) or no such unit. */
export async function lookAtUnit(unit: string, signal: AbortSignal, booted = '/run/systemd/system'): Promise<Observation[]> {
  const isBooted = await access(booted).then(
    () => true,
    () => false,
  );
  if (!isBooted) return [];
  const state = await ask(['is-enabled', unit], signal);
  if (state === '' || state === 'not-found') return [];
  if (['disabled', 'masked', 'masked-runtime'].includes(state)) {
    const unmask = state === 'disabled' ? '' : `systemctl unmask ${unit} && `;
    return [warning(`${unit} is ${state}: nothing starts it when this machine starts`, `${unmask}systemctl enable --now ${unit}`)];
  }
  const active = await ask(['is-active', unit], signal);
  if (active === 'failed') {
    return [
      warning(
        `${unit} has failed, and systemd does not start it again`,
        `see why: journalctl -u ${unit} -n 50; then systemctl restart ${unit}`,
      ),
    ];
  }
  return [fine(`${unit} is ${state} and ${active}`)];
}

/** systemctl says it in a word on standard output, whatever its exit code. */
async function ask(args: readonly string[], signal: AbortSignal): Promise<string> {
  try {
    return (await run('systemctl', args, { signal, timeout: TIMEOUT_MS })).stdout.trim();
  } catch (error) {
    return String((error as { stdout?: unknown }).stdout ?? '').trim();
  }
}
