import type { FieldValue } from '@hostwire/model';
import Type from 'typebox';
import { defineCollector } from '../collector.ts';
import { counter, gauge, state } from '../declare.ts';
import { parseCounter, probeFile } from '../proc-text.ts';
import { parseKernelCounters } from './parse.ts';

const ENTROPY = '/proc/sys/kernel/random/entropy_avail';

export const kernel = defineCollector({
  name: 'kernel',
  tier: 'fast',
  help: "The kernel's own counters.",
  measurements: {
    kernel: {
      help: 'Counters since boot.',
      tags: {},
      fields: {
        boot_time: { ...state('int', 'When the machine started, in seconds since the epoch'), unit: 's' },
        context_switches: counter('1', 'Switches from one task to another'),
        interrupts: counter('1', 'Interrupts served'),
        processes_forked: counter('processes', 'Processes and threads created'),
        entropy_avail: gauge('int', 'bits', 'Entropy available; 256 on kernels since 5.18'),
      },
    },
  },
  options: Type.Object({}),
  probe: (access) => probeFile(access, ['/proc/stat']),
  async collect({ access, signal }) {
    const [stat, [entropy]] = await Promise.all([access.readFile('/proc/stat', { signal }), access.readFiles([ENTROPY], { signal })]);
    const fields: Record<string, FieldValue> = parseKernelCounters(stat);
    if (typeof entropy === 'string') fields['entropy_avail'] = parseCounter(entropy.trim(), ENTROPY);
    return { kernel: [{ fields }] };
  },
});
