import Type from 'typebox';
import { defineCollector } from '../collector.ts';
import { counter, gauge } from '../declare.ts';
import { isAbsent, probeFile } from '../proc-text.ts';
import { parsePressure } from './parse.ts';

const RESOURCES = ['cpu', 'memory', 'io'] as const;

export const pressure = defineCollector({
  name: 'pressure',
  tier: 'fast',
  help: 'Pressure stall information (PSI): how much work waits for cpu, memory, io.',
  measurements: {
    pressure: {
      help: 'Share of time in which tasks were stalled for want of a resource.',
      tags: { resource: 'cpu, memory or io', type: 'some: at least one task waited; full: all of them did' },
      fields: {
        avg10: gauge('float', 'percent', 'Of the last 10 s'),
        avg60: gauge('float', 'percent', 'Of the last minute'),
        avg300: gauge('float', 'percent', 'Of the last 5 minutes'),
        total: counter('us', 'Stalled since boot'),
      },
    },
  },
  options: Type.Object({}),
  probe: (access) => probeFile(access, ['/proc/pressure/cpu'], 'boot a kernel of 4.20 or later with psi=1'),
  async collect({ access, signal }) {
    const paths = RESOURCES.map((resource) => `/proc/pressure/${resource}`);
    const texts = await access.readFiles(paths, { signal });
    const rows = texts.flatMap((text, index) => {
      if (typeof text === 'string') return parsePressure(RESOURCES[index] ?? '', text);
      if (isAbsent(text)) return [];
      throw text;
    });
    return { pressure: rows };
  },
});
