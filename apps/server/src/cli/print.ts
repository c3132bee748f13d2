import Table from 'cli-table3';

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** A table without lines, so that words can be selected and cut. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const none = Object.fromEntries(
    ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'].map((name) => [name, '']),
  );
  const inner = { left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ' };
  const table = new Table({
    head: [...head],
    chars: { ...none, ...inner },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  table.push(...rows.map((row) => [...row]));
  print(table.toString());
}

/** UTC to the second, or a dash. */
export function formatTime(time: number | null): string {
  return time === null ? '-' : `${new Date(time).toISOString().slice(0, 19)}Z`;
}
