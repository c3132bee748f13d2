/** What a shell is to complete, read off the commands of a program as they are defined. */
export interface ProgramShape {
  readonly name: string;
  readonly commands: readonly CommandShape[];
}

export interface CommandShape {
  /** Empty: what runs without a command. */
  readonly name: string;
  /** As it is written: `host <action> [name]`. */
  readonly usage: string;
  readonly description: string;
  /** The words that may stand first after the command; empty: no list of them. */
  readonly words: readonly string[];
  readonly options: readonly OptionShape[];
}

export interface OptionShape {
  /** With their hyphens: `-h`, `--help`. */
  readonly names: readonly string[];
  readonly description: string;
  /** Null: it takes none. */
  readonly value: ValueShape | null;
}

/** `name` is the word that stands for it where it is defined: `file`, `url`. */
export type ValueShape = { readonly name: string } & (
  | { readonly kind: 'file' | 'folder' | 'text' }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
);

/** The part of cac's `CAC` that is read. */
export interface DefinedProgram {
  readonly name: string;
  readonly commands: readonly DefinedCommand[];
  readonly globalCommand: { readonly options: readonly DefinedOption[] };
}

export interface DefinedCommand {
  readonly name: string;
  readonly rawName: string;
  readonly description: string;
  readonly options: readonly DefinedOption[];
  /** Its action; one that chooses among words names them as `words`. */
  readonly commandAction?: unknown;
}

export interface DefinedOption {
  /** As it is defined: `--store <embedded|influxdb>`, `-h, --help`. */
  readonly rawName: string;
  readonly description: string;
}

/** What there is to complete. An option that stands for a file is written `<file>`, for a folder `<dir>`, for one of several words `<a|b>`. */
export function shapeOf({ name, commands, globalCommand }: DefinedProgram): ProgramShape {
  return {
    name,
    commands: commands.map((command) => ({
      name: command.name,
      usage: command.rawName,
      description: command.description,
      words: wordsOf(command.commandAction),
      options: [...command.options, ...globalCommand.options]
        .filter(({ rawName }) => command.name === '' || !rawName.includes('--version'))
        .map(optionOf),
    })),
  };
}

function wordsOf(action: unknown): readonly string[] {
  const words = typeof action === 'function' && 'words' in action ? action.words : [];
  return Array.isArray(words) ? words.map(String) : [];
}

function optionOf({ rawName, description }: DefinedOption): OptionShape {
  const names = rawName
    .replace(/[<[].*$/, '')
    .split(',')
    .map((part) => part.trim());
  const placeholder = /[<[]([^>\]]+)[>\]]/.exec(rawName)?.[1];
  return { names, description, value: placeholder === undefined ? null : valueShape(placeholder) };
}

function valueShape(placeholder: string): ValueShape {
  if (placeholder.includes('|')) return { name: placeholder, kind: 'choice', choices: placeholder.split('|') };
  if (placeholder === 'file') return { name: placeholder, kind: 'file' };
  return { name: placeholder, kind: placeholder === 'dir' ? 'folder' : 'text' };
}
