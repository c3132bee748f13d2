import { AccessError } from '@hostwire/host-access';
import type { Capability, FieldDeclaration } from '@hostwire/model';
import Type, { type TSchema } from 'typebox';
import type { CollectContext } from './collector.ts';
import { state } from './declare.ts';

/** Targets of one collector: 16 at once, each of at most 10 s, are 40 s if none answers. */
const MAX_TARGETS = 64;

/** Connections and look-ups of one collector at once: half of what access to a host has. */
export const ASKED_AT_ONCE = 16;

/** Codes of what is wrong here and not at the target: no answer of it. */
const OWN_FAULTS = new Set(['aborted', 'not-recorded', 'EINVAL', 'EMFILE', 'ENFILE', 'ENOMEM']);

/** What is probed stands in the host's own file alone, so that no server can make a host ask others. */
export function targetsOption<Item extends TSchema>(item: Item, description: string, most = MAX_TARGETS) {
  return Type.Array(item, { remote: false, default: [], maxItems: most, description });
}

/** `timeout_seconds` of one target. */
export const targetTimeout = Type.Number({ minimum: 0.1, maximum: 10, default: 5, description: 'Seconds in which it must have answered' });

/** `timeout_seconds` of a collector of targets: longer than all of them take that can be named. */
export const collectorTimeout = Type.Number({
  remote: true,
  minimum: 0.1,
  maximum: 300,
  default: 60,
  description: 'After this the collector is given up and reported',
});

/** A host name or an address, not an option of a command. */
export const hostName = (description: string) =>
  Type.String({
    pattern: '^[A-Za-z0-9_:][A-Za-z0-9_.:%-]{0,252}$',
    allowed: 'a host name or an address',
    description,
  });

/** Fields `result` and `result_code`: their declaration, and what they are when a target ended so. */
export function resultFields<Name extends string>(codes: Readonly<Record<Name, number>>) {
  const words = Object.entries(codes).map(([name, code]) => `${name} (${String(code)})`);
  const declaration: Readonly<Record<'result' | 'result_code', FieldDeclaration>> = {
    result: state('string', `How it ended: ${words.join(', ')}`),
    result_code: { type: 'int', unit: '1', kind: 'gauge', help: 'The same as the number in brackets; 0 is well' },
  };
  return { declaration, of: (name: Name) => ({ result: name, result_code: codes[name] }) };
}

/** Whether anything is to be probed. `example` is one entry of `targets`, as it stands in a file. */
export function targetsNamed(collector: string, targets: readonly unknown[], example: string): Capability {
  if (targets.length > 0) return { available: true };
  return { available: false, reason: 'no targets', hint: `[collectors.${collector}] targets = [${example}]` };
}

/**
 * Refused where two targets would write the same series, of which only one can be kept. `seriesOf` is its tags as one text.
 */
export function oneSeriesEach<T>(targets: readonly T[], seriesOf: (target: T) => string): Capability {
  const seen = new Set<string>();
  for (const target of targets) {
    const series = seriesOf(target);
    if (seen.has(series)) return { available: false, reason: `two targets are ${series}`, hint: 'give one of them a name of its own' };
    seen.add(series);
  }
  return { available: true };
}

/**
 * What `ask` gives for each target, at most `atOnce` at a time, in the order of the targets. A target of which it throws is
 * reported and left out; rejects only if the collector was given up.
 */
export async function askEach<T, R>(
  { signal, report }: Pick<CollectContext, 'signal' | 'report'>,
  targets: readonly T[],
  atOnce: number,
  ask: (target: T) => Promise<R>,
): Promise<R[]> {
  const answers: { readonly index: number; readonly answer: R }[] = [];
  const waiting = targets.entries();
  const work = async (): Promise<void> => {
    for (const [index, target] of waiting) {
      try {
        answers.push({ index, answer: await ask(target) });
      } catch (error) {
        signal.throwIfAborted();
        report(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, targets.length) }, work));
  return answers.sort((a, b) => a.index - b.index).map(({ answer }) => answer);
}

/** A URL as a request takes it apart. Throws AccessError EINVAL if it is none, whatever a pattern took it for. */
export function requestOf(url: string): { readonly url: string; readonly path: string } {
  if (!URL.canParse(url)) throw new AccessError('EINVAL', `${url.replace(/\?.*$/s, '')}: that is no URL, its host or port cannot be`);
  const { origin, pathname, search } = new URL(url);
  return { url: origin, path: `${pathname}${search}` };
}

/** The code of what a target, or the way to it, answered instead of what was asked for. Throws `error` if the fault is ours. */
export function failureOf(error: unknown): string {
  if (!(error instanceof AccessError) || OWN_FAULTS.has(error.code)) throw error;
  return error.code;
}

/** Codes that say that a name has no address. */
export function isNameFailure(code: string): boolean {
  return /^(ENOTFOUND|ENODATA|EAI_[A-Z]+|ESERVFAIL|EREFUSED|EFORMERR|ENOTIMP|EBADNAME)$/.test(code);
}
