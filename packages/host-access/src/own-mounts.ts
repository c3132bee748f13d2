import { readWhole } from './local-file.ts';

/**
 * `major:minor` of the file system that this process sees mounted at a path, by /proc/self/mountinfo (proc_pid_mountinfo(5));
 * null if nothing is mounted there. Of several mounts at one path the last is seen.
 */
export async function deviceMountedAt(path: string): Promise<string | null> {
  const wanted = path.replace(/(.)\/+$/, '$1');
  let device: string | null = null;
  for (const line of (await readWhole('/proc/self/mountinfo')).split('\n')) {
    const [, , id = '', , place = ''] = line.split(' ', 5);
    if (unescapeOctal(place) === wanted) device = id;
  }
  return device;
}

/** Blanks, tabs, line ends and backslashes are written as `\040` and the like. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
