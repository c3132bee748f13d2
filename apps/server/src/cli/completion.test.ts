import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { completionScript, type Shell, shapeOf } from '@hostwire/service';
import { systemSuite, tempDir } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { defineProgram } from './command-line.ts';

const shapes = shapeOf(defineProgram());
const script = (shell: Shell): string => completionScript(shell, shapes) ?? '';

const wordsOf = (command: string): string[] => [...(shapes.commands.find(({ name }) => name === command)?.words ?? [])].sort();

/** Words of the line; the last is what Tab is pressed on. */
const ACTIONS: readonly [line: readonly string[], offers: readonly string[]][] = [
  [['hostwire', 'host', ''], wordsOf('host')],
  [['hostwire', '--data-dir', '/x', 'host', '--json', 'r'], wordsOf('host').filter((word) => word.startsWith('r'))],
  [['hostwire', 'token', 'add', 'me', '--exp'], ['--expires']],
  [
    ['hostwire', 'serve', '--store', ''],
    ['embedded', 'influxdb'],
  ],
  [['hostwire', '--log-level', 's'], ['silent']],
  [['hostwire', 'dea'], ['deadletter']],
  [['hostwire', 'broker', 'export', '--format', 'm'], ['mosquitto']],
  [['hostwire', 'completion', 'z'], ['zsh']],
  [['hostwire', 'serve', '--config', 'agent.t'], ['agent.toml']],
  [['hostwire', 'serve', '--data-dir', 'da'], ['data']],
  [['hostwire', 'serve', '--port', ''], []],
  [['hostwire', 'host', 'add', ''], []],
];

/** A folder to complete in. */
function folder(): string {
  const path = tempDir();
  mkdirSync(join(path, 'data'));
  writeFileSync(join(path, 'agent.toml'), '');
  writeFileSync(join(path, 'dashboard'), '');
  return path;
}

const without = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => (line.split('\t')[0] ?? '').replace(/\/$/, '').trim())
    .filter((line) => line !== '')
    .sort();

function inBash(cwd: string, line: readonly string[]): string[] {
  writeFileSync(join(cwd, '.completion'), script('bash'));
  const text = `source ./.completion; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    declare -F "$(complete -p hostwire | awk '{print $3}')" >/dev/null || exit 9
    _hostwire; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return without(execFileSync('bash', ['--norc', '-c', text, 'bash', ...line], { cwd, encoding: 'utf8' }));
}

function inFish(cwd: string, line: readonly string[]): string[] {
  writeFileSync(join(cwd, '.completion'), script('fish'));
  const text = 'source ./.completion; complete -C "$argv[1]"';
  const env = { ...process.env, HOME: cwd, XDG_CONFIG_HOME: cwd, XDG_DATA_HOME: cwd };
  return without(execFileSync('fish', ['--no-config', '-c', text, line.join(' ')], { cwd, encoding: 'utf8', env }));
}

/** Makes the `compadd` of an interactive zsh say what it adds, and end it after one Tab (zshcompwid(1)). */
const ZSHRC = `PROMPT= PS2= RPROMPT=
setopt extended_glob no_beep
unsetopt prompt_cr prompt_sp
autoload -U compinit
compinit -D -u
source ./.completion
compadd() {
  if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return; fi
  local -a hits
  builtin compadd -A hits "$@"
  print -rl -- '' "hit "$^hits
  builtin compadd "$@"
}
finish() { print -r -- '(end)'; exit }
comppostfuncs=(finish)
bindkey '^I' complete-word
print -r -- '(begin)'
`;

/** Gives it a terminal (zshmodules(1), zsh/zpty) and presses Tab. */
const PRESS = `zmodload zsh/zpty
export ZDOTDIR=$PWD
zpty z zsh -d -i
zpty -r -m z out '*\\(begin\\)*' || exit 3
zpty -n -w z "$1"$'\\t'
zpty -r -m z out '*\\(end\\)*' || exit 4
print -r -- "$out"
`;

function inZsh(cwd: string, line: readonly string[]): string[] {
  writeFileSync(join(cwd, '.completion'), script('zsh'));
  writeFileSync(join(cwd, '.zshrc'), ZSHRC);
  const text = execFileSync('zsh', ['-f', '-c', PRESS, 'zsh', line.join(' ')], { cwd, encoding: 'utf8', timeout: 15_000 });
  return [...new Set(text.split(/\r?\n/).flatMap((said) => (said.startsWith('hit ') ? without(said.slice(4)) : [])))].sort();
}

describe('completion', () => {
  it('offers each command and each option of the program as it is defined', () => {
    for (const shell of ['bash', 'zsh', 'fish'] as const) {
      for (const { name, options, words } of shapes.commands) {
        for (const word of [name, ...words]) expect(script(shell)).toContain(word);
        for (const { names } of options) expect(script(shell)).toContain(names.at(-1)?.replace(/^--/, shell === 'fish' ? '-l ' : '--'));
      }
    }
    expect(completionScript('tcsh', shapes)).toBeNull();
  });
});

systemSuite(['bash'], 'completion in bash', () => {
  it.each(ACTIONS)('%j offers %j', (line, offers) => {
    expect(inBash(folder(), line)).toEqual(offers);
  });
});

systemSuite(['fish'], 'completion in fish', () => {
  it.each(ACTIONS)('%j offers %j', (line, offers) => {
    expect(inFish(folder(), line)).toEqual(offers);
  });
});

systemSuite(['zsh'], 'completion in zsh', () => {
  // A terminal each: one of every kind is enough.
  it.each(ACTIONS.filter((_, at) => [0, 2, 3, 8, 9, 10].includes(at)))('%j offers %j', (line, offers) => {
    expect(inZsh(folder(), line)).toEqual(offers);
  });
});
