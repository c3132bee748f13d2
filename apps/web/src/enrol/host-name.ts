import { isHostId } from '../host/host-id.ts';

/** Something like `text` that can be the id of a host; empty if nothing of it can. */
export function likeHostId(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replace(/\s+/g, '-')
    .replace(/[^a-z0-9_.-]/g, '')
    .replace(/^[_.-]+/, '')
    .slice(0, 63);
}

/** Why a new host cannot have this name, in a sentence; null if it can. `taken`: names in use. */
export function nameProblem(text: string, taken: (name: string) => boolean): string | null {
  // Its page would have the address of the one that adds hosts.
  if (text === 'add') return 'The dashboard uses this name itself.';
  if (isHostId(text)) return taken(text) ? 'Another host has this name.' : null;
  const better = likeHostId(text);
  const why =
    text.length > 63
      ? 'A name has at most 63 characters.'
      : /\s/.test(text)
        ? 'A name has no spaces.'
        : /[A-Z]/.test(text)
          ? 'A name has no capital letters.'
          : /^[_.-]/.test(text)
            ? 'A name begins with a letter or digit.'
            : 'Letters, digits, dot, dash, underscore only.';
  return better !== '' && better !== text ? `${why} Try ${better}.` : why;
}
