import { offered, quote, takesValue } from './quote.ts';
import type { CommandShape, ProgramShape, ValueShape } from './shape.ts';

/** A completion function for zsh (zshcompsys(1)), for a folder of `fpath` or to be sourced. */
export function zshCompletion({ name, commands }: ProgramShape): string {
  const fn = `_${name.replaceAll('-', '_')}`;
  const named = commands.filter((command) => command.name !== '');
  return `#compdef ${name}
# zsh completion of ${name}: source <(${name} completion zsh), after compinit
${fn}() {
  local current=$words[CURRENT] previous=$words[CURRENT-1] command='' word
  local -i position=0 at
  local -a offers
  for ((at = 2; at < CURRENT; at++)); do
    word=$words[at]
    case $command:$word in
${arms(commands.flatMap(takesValue), '((at++)); continue', '      ')}      (*:-*) continue ;;
    esac
    if ((position == 0)); then
      case $word in
${arms(
  named.map((command) => command.name),
  'command=$word',
  '        ',
)}      esac
    fi
    ((position++))
  done
  case $command:$previous in
${commands.flatMap((command) => offered(command).map(({ names, value }) => arms(qualified(command, names), offer(value), '    '))).join('')}${arms(commands.flatMap(textOptions), "_message 'value'; return", '    ')}  esac
  if [[ $current == -* ]]; then
    case $command in
${commands.map((command) => arms([command.name], described('option', optionsOf(command)), '      ')).join('')}    esac
    return
  fi
  case $command:$position in
${arms(
  [':0'],
  described(
    'command',
    named.map((command) => [command.name, command.description]),
  ),
  '    ',
)}${commands
  .filter((command) => command.words.length > 0)
  .map((command) => arms([`${command.name}:1`], `compadd -- ${command.words.map(quote).join(' ')}`, '    '))
  .join('')}  esac
}
if [[ $funcstack[1] == ${fn} ]]; then
  ${fn} "$@"
else
  compdef ${fn} ${name}
fi
`;
}

function optionsOf(command: CommandShape): [string, string][] {
  return command.options.flatMap(({ names, description }) => names.map((name): [string, string] => [name, description]));
}

function qualified(command: CommandShape, options: readonly string[]): string[] {
  return options.map((option) => `${command.name}:${option}`);
}

function textOptions(command: CommandShape): string[] {
  return command.options.filter(({ value }) => value?.kind === 'text').flatMap(({ names }) => qualified(command, names));
}

function arms(patterns: readonly string[], body: string, indent: string): string {
  return patterns.length === 0 ? '' : `${indent}(${patterns.map((pattern) => quote(pattern)).join('|')}) ${body} ;;\n`;
}

/** `_describe` takes `word:description`, a colon of the word behind a backslash. */
function described(tag: string, list: readonly (readonly [string, string])[]): string {
  const offers = list.map(([word, description]) => quote(`${word.replaceAll(':', '\\:')}:${description}`));
  return `offers=(${offers.join(' ')}); _describe ${quote(tag)} offers`;
}

function offer(value: ValueShape): string {
  if (value.kind === 'choice') return `compadd -- ${value.choices.map(quote).join(' ')}; return`;
  return `_files${value.kind === 'folder' ? ' -/' : ''}; return`;
}
