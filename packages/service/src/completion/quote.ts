import type { CommandShape, OptionShape } from './shape.ts';

/** Text as one word of bash and zsh: in single quotes, which nothing but a single quote ends. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Patterns `command:--option` of all options that take a value; they are the same word wherever they stand. */
export function takesValue(command: CommandShape): readonly string[] {
  return command.options.filter(({ value }) => value !== null).flatMap(({ names }) => names.map((name) => `${command.name}:${name}`));
}

/** Options whose value is something that a shell can offer, by what it is. */
export function offered(command: CommandShape): readonly (OptionShape & { readonly value: NonNullable<OptionShape['value']> })[] {
  return command.options.flatMap((option) =>
    option.value === null || option.value.kind === 'text' ? [] : [{ ...option, value: option.value }],
  );
}
