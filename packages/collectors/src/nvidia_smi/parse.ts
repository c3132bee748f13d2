import type { FieldValue, Tags } from '@hostwire/model';
import type { GpuProcess } from '../gpu-process.ts';
import { ParseError, quote } from '../proc-text.ts';
import { MIG_FIELDS, SMI_FIELDS, SMI_REASONS, type SmiField } from './declaration.ts';

interface Card {
  readonly tags: Tags;
  readonly fields: Readonly<Record<string, FieldValue>>;
}

/** What `nvidia-smi -q -x` tells. */
export interface SmiLog {
  readonly gpus: readonly Card[];
  readonly migs: readonly Card[];
  readonly processes: readonly GpuProcess[];
}

type Node = Readonly<Record<string, unknown>>;

const MIB = 1024 * 1024;
/** No machine has as many; a host that is asked from elsewhere may say what it likes. */
const MAX_GPUS = 256;

/**
 * XML of NVIDIA's schemas nvsmi_device_v10 to v13; what has no usable value (`N/A`, a function that the driver does
 * not do) is left out. The parser of XML is loaded at the first call. Throws ParseError.
 */
export async function parseNvidiaSmi(text: string): Promise<SmiLog> {
  const { XMLParser } = await import('fast-xml-parser');
  const parser = new XMLParser({ parseTagValue: false, processEntities: false, stopNodes: ['..supported_clocks'] });
  let document: unknown;
  try {
    document = parser.parse(text);
  } catch (error) {
    throw new ParseError(`nvidia-smi: ${quote(text)} is not XML`, { cause: error });
  }
  const log = nodeAt(nodeOf(document), 'nvidia_smi_log');
  if (log === null) throw new ParseError(`nvidia-smi: ${quote(text)} has no nvidia_smi_log`);
  const listed = nodesAt(log, 'gpu');
  if (listed.length > MAX_GPUS) throw new ParseError(`nvidia-smi: it tells of ${listed.length} GPUs, more than ${MAX_GPUS}`);
  const gpus: Card[] = [];
  const migs: Card[] = [];
  const processes: GpuProcess[] = [];
  for (const [index, gpu] of listed.entries()) {
    const card = {
      name: textAt(gpu, 'product_name'),
      uuid: textAt(gpu, 'uuid'),
      compute_mode: textAt(gpu, 'compute_mode'),
      arch: textAt(gpu, 'product_architecture'),
    };
    const fields = fieldsOf(gpu, SMI_FIELDS);
    putText(fields, 'driver_version', textAt(log, 'driver_version'));
    putText(fields, 'cuda_version', textAt(log, 'cuda_version'));
    for (const [name, { paths }] of Object.entries(SMI_REASONS)) {
      const word = paths.map((path) => textAt(gpu, path)).find((value) => value !== '');
      if (word === 'Active' || word === 'Not Active') fields[name] = word === 'Active' ? 1 : 0;
    }
    gpus.push({ tags: tagsOf({ index: String(index), ...card }), fields });
    for (const mig of nodesAt(nodeAt(gpu, 'mig_devices'), 'mig_device')) {
      const own = fieldsOf(mig, MIG_FIELDS);
      putText(own, 'pstate', textAt(gpu, 'performance_state'));
      const ids = {
        index: textAt(mig, 'index'),
        gpu_index: textAt(mig, 'gpu_instance_id'),
        compute_index: textAt(mig, 'compute_instance_id'),
      };
      migs.push({ tags: tagsOf({ ...ids, ...card }), fields: own });
    }
    for (const one of nodesAt(nodeAt(gpu, 'processes'), 'process_info')) {
      const pid = wholeOf(textAt(one, 'pid'));
      const used = wholeOf(textAt(one, 'used_memory'));
      if (pid === null || pid <= 0) continue;
      const name = textAt(one, 'process_name');
      processes.push({
        gpu: index,
        pid,
        type: textAt(one, 'type'),
        // `[Not Found]`, `[Insufficient Permissions]`: nvidia-smi could not tell.
        name: name.startsWith('[') ? '' : name,
        memory: used === null || used < 0 ? null : used * MIB,
      });
    }
  }
  return { gpus, migs, processes };
}

function fieldsOf(node: Node, wanted: Readonly<Record<string, SmiField>>): Record<string, FieldValue> {
  const fields: Record<string, FieldValue> = {};
  for (const [name, { declaration, paths }] of Object.entries(wanted)) {
    for (const path of paths) {
      const text = textAt(node, path);
      const value = declaration.type === 'string' ? text : declaration.type === 'int' ? wholeOf(text) : decimalOf(text);
      if (value === null || value === '') continue;
      fields[name] = value;
      break;
    }
  }
  return fields;
}

/** `20475 MiB`, `16x`, `-3 C` -> the number; null if there is none. */
function wholeOf(text: string): number | null {
  const digits = /^(-?[0-9]{1,15})x?(?: |$)/.exec(text)?.[1];
  return digits === undefined ? null : Number(digits) + 0;
}

function decimalOf(text: string): number | null {
  const digits = /^(-?[0-9]{1,15}(?:\.[0-9]{1,9})?)(?: |$)/.exec(text)?.[1];
  return digits === undefined ? null : Number(digits) + 0;
}

/** The text at a path of names joined by dots; empty if there is none or if it says that there is no value. */
function textAt(node: Node, path: string): string {
  const names = path.split('.');
  const last = names.pop() ?? '';
  let at: Node | null = node;
  for (const name of names) at = nodeAt(at, name);
  const value = at !== null && Object.hasOwn(at, last) ? at[last] : undefined;
  const text = typeof value === 'string' ? value.trim() : '';
  return /^(\[?N\/A\]?|Requested functionality has been deprecated|\[?Unknown Error\]?|\[?Not Supported\]?)$/.test(text) ? '' : text;
}

function nodesAt(node: Node | null, name: string): Node[] {
  const value = node !== null && Object.hasOwn(node, name) ? node[name] : undefined;
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map(nodeOf).filter((one) => one !== null);
}

function nodeAt(node: Node | null, name: string): Node | null {
  return nodesAt(node, name)[0] ?? null;
}

function nodeOf(value: unknown): Node | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Node) : null;
}

function tagsOf(tags: Record<string, string>): Tags {
  return Object.fromEntries(Object.entries(tags).filter(([, value]) => value !== ''));
}

function putText(fields: Record<string, FieldValue>, name: string, text: string): void {
  if (text !== '') fields[name] = text;
}
