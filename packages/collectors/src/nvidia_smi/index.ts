import { AccessError } from '@hostwire/host-access';
import type { Capability } from '@hostwire/model';
import Type from 'typebox';
import { defineCollector } from '../collector.ts';
import { GPU_PROCESS_NEEDS, rowsOfProcesses } from '../gpu-process.ts';
import { MEASUREMENTS } from './declaration.ts';
import { NVIDIA_SMI_NEED, readNvidiaSmi } from './read.ts';

export const nvidiaSmi = defineCollector({
  name: 'nvidia_smi',
  tier: 'fast',
  help: 'GPUs of NVIDIA, and the processes on them.',
  measurements: MEASUREMENTS,
  needs: {
    ...GPU_PROCESS_NEEDS,
    commands: [NVIDIA_SMI_NEED, { command: 'nvidia-smi', args: ['-L'] }, ...GPU_PROCESS_NEEDS.commands],
  },
  options: Type.Object({
    processes: Type.Boolean({ remote: true, default: true, description: 'Whether the processes on the GPUs are reported' }),
  }),
  async probe(access): Promise<Capability> {
    try {
      const { exitCode, stdout, stderr } = await access.exec('nvidia-smi', ['-L']);
      if (exitCode === 0) return { available: true };
      return { available: false, reason: `nvidia-smi: ${(stderr || stdout).trim().split('\n')[0] ?? ''}`, hint: GRANT };
    } catch (error) {
      if (!(error instanceof AccessError)) throw error;
      return { available: false, reason: `nvidia-smi cannot be run (${error.code})` };
    }
  },
  async collect(context) {
    const { gpus, migs, processes } = await readNvidiaSmi(context.access, context.time);
    return {
      nvidia_smi: [...gpus],
      nvidia_smi_mig: [...migs],
      gpu_process: context.options.processes ? await rowsOfProcesses(context, 'nvidia', processes) : [],
    };
  },
});

const GRANT =
  'the driver must be loaded; under systemd the agent needs PrivateDevices=no, DevicePolicy=auto in a drop-in (systemctl edit hostwire-agent)';
