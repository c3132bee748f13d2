import { offered, quote, takesValue } from './quote.ts';
import type { CommandShape, ProgramShape, ValueShape } from './shape.ts';

/** A completion function for bash (bash(1), Programmable Completion). */
export function bashCompletion({ name, commands }: ProgramShape): string {
  const fn = `_${name.replaceAll('-', '_')}`;
  const names = commands.map((command) => command.name).filter((command) => command !== '');
  return `# bash completion of ${name}: source <(${name} completion bash)
${fn}() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  local command='' position=0 at word
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=\${COMP_WORDS[at]}
    case $command:$word in
${arms(commands.flatMap(takesValue), 'at=$((at + 1)); continue', '      ')}      *:-*) continue ;;
    esac
    if ((position == 0)); then
      case $word in
${arms(names, 'command=$word', '        ')}      esac
    fi
    position=$((position + 1))
  done
  COMPREPLY=()
  case $command:$previous in
${commands.flatMap((command) => offered(command).map(({ names: options, value }) => arms(qualified(command, options), reply(value), '    '))).join('')}${arms(
  commands.flatMap((command) => textOptions(command)),
  'return',
  '    ',
)}  esac
  if [[ $current == -* ]]; then
    case $command in
${commands.map((command) => arms([command.name], words(command.options.flatMap(({ names: options }) => options)), '      ')).join('')}    esac
    return
  fi
  case $command:$position in
${arms([':0'], words(names), '    ')}${commands
  .filter((command) => command.words.length > 0)
  .map((command) => arms([`${command.name}:1`], words(command.words), '    '))
  .join('')}  esac
}
complete -F ${fn} ${name}
`;
}

function qualified(command: CommandShape, options: readonly string[]): string[] {
  return options.map((option) => `${command.name}:${option}`);
}

function textOptions(command: CommandShape): string[] {
  return command.options.filter(({ value }) => value?.kind === 'text').flatMap(({ names }) => qualified(command, names));
}

/** One arm of a `case`; none at all without a pattern. */
function arms(patterns: readonly string[], body: string, indent: string): string {
  return patterns.length === 0 ? '' : `${indent}${patterns.map((pattern) => quote(pattern)).join('|')}) ${body} ;;\n`;
}

function words(list: readonly string[]): string {
  return `mapfile -t COMPREPLY < <(compgen -W ${quote(list.join(' '))} -- "$current")`;
}

function reply(value: ValueShape): string {
  if (value.kind === 'choice') return `${words(value.choices)}; return`;
  return `compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -${value.kind === 'file' ? 'f' : 'd'} -- "$current"); return`;
}
