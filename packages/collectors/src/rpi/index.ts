import { AccessError, type HostAccess } from '@hostwire/host-access';
import type { Capability, FieldValue } from '@hostwire/model';
import Type from 'typebox';
import { defineCollector } from '../collector.ts';
import { gauge, state } from '../declare.ts';
import { parseKilohertz, parseThrottled, parseVolts } from './parse.ts';

const FIRMWARE = '/sys/devices/platform/soc/soc:firmware/get_throttled';
const CLOCK = '/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq';
const THROTTLED = ['get_throttled'] as const;
const VOLTS = ['measure_volts', 'core'] as const;
const TIMEOUT_MS = 4000;

const now = (help: string) => state('bool', `${help} now`);
const ever = (help: string) => state('bool', `${help} since boot`);

export const rpi = defineCollector({
  name: 'rpi',
  tier: 'medium',
  help: 'Raspberry Pi: whether its firmware slows it down for want of power or for heat.',
  needs: {
    commands: [
      { command: 'vcgencmd', args: [...THROTTLED] },
      { command: 'vcgencmd', args: [...VOLTS] },
    ],
  },
  measurements: {
    rpi_throttled: {
      help: 'What the firmware of a Raspberry Pi does to protect it.',
      tags: {},
      fields: {
        under_voltage: now('Less than 4.63 V'),
        under_voltage_occurred: ever('Less than 4.63 V'),
        frequency_capped: now('The clock is held down'),
        frequency_capped_occurred: ever('The clock was held down'),
        throttled: now('The processor is slowed down'),
        throttled_occurred: ever('The processor was slowed down'),
        soft_temp_limit: now('Slower because of 60 degrees (Pi 3)'),
        soft_temp_limit_occurred: ever('Slower because of 60 degrees (Pi 3)'),
        core_voltage: { ...gauge('float', 'volts', 'Of the processor; only with vcgencmd'), decimals: 4 },
        arm_clock: gauge('int', 'hertz', 'Clock of the processor'),
      },
    },
  },
  options: Type.Object({}),
  async probe(access): Promise<Capability> {
    const model = await access.readFile('/proc/device-tree/model').catch(toNothing);
    if (!model.startsWith('Raspberry Pi')) return { available: false, reason: 'not a Raspberry Pi' };
    if ((await readFirmware(access)) !== null) return { available: true };
    try {
      parseThrottled((await access.exec('vcgencmd', THROTTLED, { timeout: TIMEOUT_MS })).stdout);
      return { available: true };
    } catch (error) {
      if (error instanceof AccessError && error.code === 'ENOENT') {
        return {
          available: false,
          reason: 'neither the kernel nor vcgencmd tells',
          hint: 'apt install raspi-utils, or libraspberrypi-bin',
        };
      }
      return { available: false, reason: 'vcgencmd may not ask the firmware', hint: 'usermod -aG video hostwire-agent, then restart it' };
    }
  },
  async collect({ access, report, signal }) {
    const [firmware, clock] = await access.readFiles([FIRMWARE, CLOCK], { signal });
    const ask = async (args: readonly string[]) => (await access.exec('vcgencmd', args, { signal, timeout: TIMEOUT_MS })).stdout;
    const fields: Record<string, FieldValue> = parseThrottled(typeof firmware === 'string' ? firmware : await ask(THROTTLED));
    const put = async (name: string, value: () => number | Promise<number>) => {
      try {
        fields[name] = await value();
      } catch (error) {
        signal.throwIfAborted();
        // With the kernel's file alone there is no vcgencmd, or no group for it.
        if (!(error instanceof AccessError)) report(error);
      }
    };
    if (typeof clock === 'string') await put('arm_clock', () => parseKilohertz(clock));
    await put('core_voltage', async () => {
      const text = await ask(VOLTS);
      if (text.trim() === '') throw new AccessError('EACCES', 'vcgencmd: says nothing');
      return parseVolts(text);
    });
    return { rpi_throttled: [{ fields }] };
  },
});

async function readFirmware(access: HostAccess): Promise<string | null> {
  return await access.readFile(FIRMWARE).catch(() => null);
}

function toNothing(error: unknown): string {
  if (error instanceof AccessError) return '';
  throw error;
}
