import type { Tags } from '@hostwire/model';

/* A series' name in one string: measurement,tag=value,..., tags in code-unit order, with \ before what would divide it. */
const NEEDS_ESCAPE = /[\\,=\ud800-\udfff]/;

function escapePart(text: string): string {
  return NEEDS_ESCAPE.test(text) ? wellFormed(text).replace(/[\\,=]/g, '\\$&') : text;
}

/** Text as it comes back from UTF-8: what is half of a surrogate pair is replaced, so that memory and file agree. */
export function wellFormed(text: string): string {
  return /[\ud800-\udfff]/.test(text) ? Buffer.from(text, 'utf8').toString('utf8') : text;
}

export function seriesKey(measurement: string, tags: Tags): string {
  let key = escapePart(measurement);
  const names = Object.keys(tags);
  for (let i = 1; i < names.length; i++) {
    if ((names[i - 1] as string) > (names[i] as string)) {
      names.sort();
      break;
    }
  }
  for (const name of names) {
    const value = tags[name] as string;
    // A tag with an empty value and no such tag are the same (InfluxDB).
    if (value !== '') key += `,${escapePart(name)}=${escapePart(value)}`;
  }
  return key;
}

/** The measurement and tags of a key that seriesKey made. */
export function parseSeriesKey(key: string): { measurement: string; tags: Tags } {
  const parts: string[] = [];
  let part = '';
  for (let i = 0; i < key.length; i++) {
    const character = key[i] as string;
    if (character === '\\') {
      part += key[++i] ?? '';
    } else if (character === ',' || character === '=') {
      parts.push(part);
      part = '';
    } else {
      part += character;
    }
  }
  parts.push(part);
  const tags: Record<string, string> = Object.create(null);
  for (let i = 1; i + 1 < parts.length; i += 2) tags[parts[i] as string] = parts[i + 1] as string;
  return { measurement: parts[0] as string, tags };
}
