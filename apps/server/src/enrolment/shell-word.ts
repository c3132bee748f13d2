/** Text as one word of a POSIX shell, in single quotes where it needs them (POSIX.1-2017, Shell Command Language, 2.2.2). */
export function quote(text: string): string {
  return /^[A-Za-z0-9_.:/@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
