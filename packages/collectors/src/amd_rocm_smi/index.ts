import { AccessError } from '@hostwire/host-access';
import type { Capability, FieldDeclaration, Row } from '@hostwire/model';
import Type from 'typebox';
import { type CollectContext, defineCollector } from '../collector.ts';
import { gauge, state } from '../declare.ts';
import { GPU_PROCESS, GPU_PROCESS_NEEDS, rowsOfProcesses } from '../gpu-process.ts';
import { readKfdProcesses } from './kfd.ts';
import { parseRocmSmi } from './parse.ts';
import { findCards, readSysfs } from './sysfs.ts';

const ARGS = ['--showid', '--showuniqueid', '--showproductname', '--showuse', '--showmemuse', '--showtemp', '--showpower'].concat([
  '--showfan',
  '--showclocks',
  '--showmeminfo',
  'vram',
  '--showdriverversion',
  '--json',
]);

const each = (make: (name: string) => FieldDeclaration, prefix: string, names: string): Record<string, FieldDeclaration> =>
  Object.fromEntries(names.split(' ').map((name) => [`${prefix}_${name}`, make(name)]));

export const amdRocmSmi = defineCollector({
  name: 'amd_rocm_smi',
  tier: 'fast',
  help: 'GPUs of AMD, and the processes that compute on them.',
  measurements: {
    amd_rocm_smi: {
      help: 'A GPU of AMD.',
      tags: { name: 'card0, card1 ...', gpu_id: 'Id of the model', gpu_unique_id: 'Id of the GPU, for good' },
      fields: {
        ...each((name) => gauge('int', 'percent', `Time that it was busy: ${name}`), 'utilization', 'gpu memory'),
        ...each((name) => gauge('int', 'bytes', `Memory: ${name}`), 'memory', 'total used free'),
        ...each((name) => gauge('float', 'celsius', `At the sensor ${name}`), 'temperature_sensor', 'edge junction memory'),
        ...each((name) => gauge('int', 'MHz', `Clock: ${name}`), 'clocks_current', 'sm memory display fabric system'),
        power_draw: gauge('float', 'watts', 'In use'),
        fan_speed: gauge('int', 'percent', 'Fan'),
        driver_version: state('int', 'Version of the driver, without its dots'),
        card_series: state('string', 'Series'),
        card_model: state('string', 'Model'),
        card_vendor: state('string', 'Vendor'),
      },
    },
    gpu_process: GPU_PROCESS,
  },
  needs: { ...GPU_PROCESS_NEEDS, commands: [{ command: 'rocm-smi', args: ARGS }, ...GPU_PROCESS_NEEDS.commands] },
  options: Type.Object({
    source: Type.Union([Type.Literal('auto'), Type.Literal('rocm-smi'), Type.Literal('sysfs')], {
      remote: true,
      default: 'auto',
      description: 'rocm-smi, sysfs, or auto: rocm-smi where it is installed',
    }),
    processes: Type.Boolean({ remote: true, default: true, description: 'Whether the processes on the GPUs are reported' }),
  }),
  async probe(access): Promise<Capability> {
    const cards = await findCards(access, AbortSignal.timeout(5000));
    return cards.length > 0 ? { available: true } : { available: false, reason: 'there is no GPU with the driver amdgpu' };
  },
  async collect(context) {
    const { source, processes } = context.options;
    const cards = await readCards(context, source);
    return {
      amd_rocm_smi: cards,
      gpu_process: processes ? await rowsOfProcesses(context, 'amd', await readKfdProcesses(context.access, context.time)) : [],
    };
  },
});

async function readCards({ access, signal }: CollectContext, source: 'auto' | 'rocm-smi' | 'sysfs'): Promise<Row[]> {
  if (source !== 'sysfs') {
    try {
      const { exitCode, stdout, stderr } = await access.exec('rocm-smi', ARGS, { signal, timeout: 8000 });
      // It ends with 2 where a part is not supported by one of the cards, and has told all the others.
      if (stdout.includes('{')) return parseRocmSmi(stdout);
      throw new AccessError(`exit-${exitCode}`, `rocm-smi: ${stderr.trim().slice(0, 200) || `exit code ${exitCode}`}`);
    } catch (error) {
      if (source !== 'auto' || !(error instanceof AccessError && error.code === 'ENOENT')) throw error;
    }
  }
  return await readSysfs(access, await findCards(access, signal), signal);
}
