/** The one-time code in what somebody pasted: the whole link, its fragment, or the code alone. Empty if there is none. */
export function codeIn(text: string): string {
  const found = /#code=([^&\s]+)/.exec(text);
  if (found?.[1] !== undefined) return decode(found[1]);
  const bare = text.trim();
  return /^[\w.~-]+$/.test(bare) ? bare : '';
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
