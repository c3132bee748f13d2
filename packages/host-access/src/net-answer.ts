import { AccessError, type DialAnswer, type ResolveAnswer } from './host-access.ts';

/** What was dialled, as JSON with the bytes in base64. */
export function encodeDial({ bytes, ...rest }: DialAnswer): string {
  return JSON.stringify({ ...rest, bytes: Buffer.from(bytes).toString('base64') });
}

/** Throws AccessError `not-recorded` if the text is not what `encodeDial` gave. */
export function decodeDial(text: string): DialAnswer {
  const { bytes, ...rest } = decodeObject(text) as Omit<DialAnswer, 'bytes'> & { readonly bytes?: unknown };
  if (typeof bytes !== 'string' || typeof rest.timings !== 'object') throw damaged();
  return { ...rest, bytes: Buffer.from(bytes, 'base64') };
}

export function encodeResolved(answer: ResolveAnswer): string {
  return JSON.stringify(answer);
}

/** Throws AccessError `not-recorded` if the text is not what `encodeResolved` gave. */
export function decodeResolved(text: string): ResolveAnswer {
  const { answers, timeMs } = decodeObject(text) as Partial<ResolveAnswer>;
  if (!Array.isArray(answers) || !answers.every((each) => typeof each === 'string') || typeof timeMs !== 'number') throw damaged();
  return { answers, timeMs };
}

function decodeObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Damaged, as what is no object.
  }
  throw damaged();
}

function damaged(): AccessError {
  return new AccessError('not-recorded', 'the recorded answer is damaged');
}
