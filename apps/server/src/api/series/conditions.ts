import { isHostId } from '@hostwire/model';
import { ApiError } from '../errors.ts';

export interface TagCondition {
  readonly tag: string;
  readonly value: string;
  readonly exclude: boolean;
}

const MAX_ITEMS = 1000;

/** Host ids divided by commas. Throws ApiError `invalid`. */
export function parseHosts(text: string | undefined): string[] {
  const hosts = listOf(text);
  const bad = hosts.find((host) => !isHostId(host));
  if (bad !== undefined) throw new ApiError('invalid', '`host` must be host ids divided by commas.');
  return hosts;
}

/** Tag names divided by commas; default `host`. */
export function parseGroupBy(text: string | undefined): string[] {
  return [...new Set(listOf(text ?? 'host'))];
}

/** `tag:value` and `!tag:value` divided by commas; a backslash takes the special sense from the character after it. */
export function parseConditions(text: string | undefined): TagCondition[] {
  if (text === undefined || text === '') return [];
  const conditions: TagCondition[] = [];
  let tag: string | null = null;
  let current = '';
  let exclude = false;
  let atStart = true;
  const finish = (): void => {
    if (tag === null || tag === '')
      throw new ApiError('invalid', '`where` must be conditions such as cpu:cpu-total or !fstype:tmpfs, divided by commas.');
    conditions.push({ tag, value: current, exclude });
    [tag, current, exclude, atStart] = [null, '', false, true];
  };
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? '';
    if (char === '!' && atStart) exclude = true;
    else if (char === '\\') current += text[++at] ?? '';
    else if (char === ':' && tag === null) [tag, current] = [current, ''];
    else if (char === ',') {
      finish();
      continue;
    } else current += char;
    atStart = false;
  }
  finish();
  if (conditions.length > MAX_ITEMS) throw new ApiError('invalid', `\`where\` may have at most ${MAX_ITEMS} conditions.`);
  return conditions;
}

function listOf(text: string | undefined): string[] {
  const items = (text ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  if (items.length > MAX_ITEMS) throw new ApiError('invalid', `At most ${MAX_ITEMS} names may be divided by commas.`);
  return items;
}
