import { takesValue } from './quote.ts';
import type { CommandShape, OptionShape, ProgramShape } from './shape.ts';

/** Completions for fish (complete(1) of fish). */
export function fishCompletion({ name, commands }: ProgramShape): string {
  const fn = `__${name.replaceAll('-', '_')}_at`;
  const named = commands.filter((command) => command.name !== '');
  return `# fish completion of ${name}: ${name} completion fish | source
# True if the command is the first argument (empty: none yet) and so many words stand on the line; -1: any number.
function ${fn}
    set -l command ''
    set -l position 0
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
            continue
        end
        switch "$command:$word"
            case ${commands.flatMap(takesValue).map(quote).join(' ')}
                set skip 1
                continue
            case '*:-*'
                continue
        end
        if test $position = 0
            switch $word
                case ${named.map((command) => quote(command.name)).join(' ')}
                    set command $word
            end
        end
        set position (math $position + 1)
    end
    test "$command" = "$argv[1]"; and test $argv[2] = -1 -o $position = $argv[2]
end
complete -c ${name} -f
${named.map((command) => `complete -c ${name} -n ${quote(`${fn} '' 0`)} -a ${quote(command.name)} -d ${quote(command.description)}\n`).join('')}${commands
  .map((command) => ofCommand(name, fn, command))
  .join('')}`;
}

function ofCommand(program: string, fn: string, command: CommandShape): string {
  const begin = `complete -c ${program} -n`;
  // Without a command no word may have been said: that would be a command.
  const anywhere = quote(`${fn} '${command.name}' ${command.name === '' ? 0 : -1}`);
  const words = command.words.length === 0 ? '' : `${begin} ${quote(`${fn} '${command.name}' 1`)} -a ${quote(command.words.join(' '))}\n`;
  return (
    words +
    command.options.map((option) => `${begin} ${anywhere} ${names(option)}${value(option)} -d ${quote(option.description)}\n`).join('')
  );
}

function names(option: OptionShape): string {
  return option.names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)).join(' ');
}

function value({ value: of }: OptionShape): string {
  if (of === null) return '';
  if (of.kind === 'choice') return ` -x -a ${quote(of.choices.join(' '))}`;
  if (of.kind === 'file') return ' -r -F';
  return of.kind === 'folder' ? " -x -a '(__fish_complete_directories)'" : ' -x';
}

/** In single quotes fish reads only \\' and \\\\ (fish-language(1), Quotes). */
function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
