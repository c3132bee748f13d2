/** One line of figures on standard output, numbers to two decimals. */
export function print(what: string, figures: object): void {
  const rounded = JSON.stringify(figures, (_key, value: unknown) => (typeof value === 'number' ? Math.round(value * 100) / 100 : value));
  process.stdout.write(`${what}: ${rounded}\n`);
}
