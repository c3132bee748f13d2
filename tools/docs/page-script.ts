/** One fenced block that is run: a command, a command that goes on running, a file that is written, or what was printed. */
export type Step =
  | { readonly kind: 'command'; readonly line: number; readonly text: string }
  | { readonly kind: 'background'; readonly line: number; readonly text: string; readonly until: string }
  | { readonly kind: 'file'; readonly line: number; readonly text: string; readonly path: string; readonly isCode: boolean }
  | { readonly kind: 'shows'; readonly line: number; readonly text: string };

export interface Page {
  /** Commands that a page says it needs: `<!-- run needs: mosquitto influxd -->`. */
  readonly needs: readonly string[];
  readonly steps: readonly Step[];
}

const FENCE = /^(`{3,})([a-z]+)?(?: +(.*?))? *$/;
const NEEDS = /^<!-- run needs: ([a-z0-9 -]+) -->$/;

/**
 * What a page of the docs wants to be run. The words after a fence's language say it:
 *
 *     ```sh run                        run to its end; any failure fails the page
 *     ```sh run until="is running"     goes on in the background; the next block waits for this text in what it prints
 *     ```toml run file=agent.toml      written to this file below the working directory, with the variables of the shell set
 *     ```ts run file=x.ts              the same, and ```md, but as it is: its dollars and backticks are its own
 *     ```text run shows                each line was printed by the block before; `...` stands for anything
 *
 * Throws if a block says something else, or does not end.
 */
export function readPage(markdown: string): Page {
  const steps: Step[] = [];
  const needs: string[] = [];
  let open: {
    readonly fence: string;
    readonly language: string;
    readonly words: string;
    readonly line: number;
    readonly lines: string[];
  } | null = null;
  for (const [index, text] of markdown.split('\n').entries()) {
    if (open !== null) {
      if (text !== open.fence) open.lines.push(text);
      else {
        const step = toStep(open.language, open.words, open.line, open.lines.join('\n'));
        if (step !== null) steps.push(step);
        open = null;
      }
      continue;
    }
    const fence = FENCE.exec(text);
    if (fence !== null) open = { fence: fence[1] ?? '', language: fence[2] ?? '', words: fence[3] ?? '', line: index + 1, lines: [] };
    else needs.push(...(NEEDS.exec(text)?.[1]?.split(' ') ?? []));
  }
  if (open !== null) throw new Error(`the block at line ${open.line} does not end`);
  return { needs, steps };
}

function toStep(language: string, words: string, line: number, text: string): Step | null {
  if (words !== 'run' && !words.startsWith('run ')) return null;
  const rest = words.slice(4).trim();
  const until = /^until="([^"]+)"$/.exec(rest)?.[1];
  const path = /^file=([A-Za-z0-9][A-Za-z0-9_./-]*)$/.exec(rest)?.[1];
  if (rest === '') return { kind: 'command', line, text };
  if (rest === 'shows') return { kind: 'shows', line, text };
  if (until !== undefined) return { kind: 'background', line, text, until };
  if (path !== undefined) return { kind: 'file', line, text, path, isCode: language === 'ts' || language === 'md' };
  throw new Error(`line ${line}: a block that is run says ${JSON.stringify(rest)}; there are: until="TEXT", file=PATH, shows`);
}

const WAIT_SECONDS = 120;

/**
 * A bash script that takes the steps of a page in their order, in one shell (what one block exports the next one has), and
 * ends at the first that fails with a line that names it. What runs in the background ends with the script's process group.
 */
export function toScript(steps: readonly Step[]): string {
  return ['set -euo pipefail', 'hw_shown=$(mktemp)', ...steps.map(toShell), 'echo "page: all ran"', ''].join('\n');
}

function toShell(step: Step): string {
  const name = `line ${step.line}`;
  const fail = (what: string): string => `{ echo "page: ${name}: ${what}" >&2; exit 1; }`;
  if (step.kind === 'file') {
    // A configuration may hold a token that a block before it has put into a variable.
    const end = step.isCode ? "'END_OF_FILE'" : 'END_OF_FILE';
    return [`mkdir -p "$(dirname ${quote(step.path)})"`, `cat > ${quote(step.path)} <<${end}`, step.text, 'END_OF_FILE'].join('\n');
  }
  if (step.kind === 'shows') {
    const lines = step.text.split('\n').filter((line) => line.trim() !== '');
    return lines.map((line) => `grep -Eq -- ${quote(toPattern(line))} "$hw_shown" || ${fail('this line was not printed')}`).join('\n');
  }
  if (step.kind === 'background') {
    return [
      `echo "page: ${name} (goes on)"`,
      // A log of its own: what it prints later is not what a later block printed.
      'hw_log=$(mktemp)',
      `( set +e; ${step.text}\n) > "$hw_log" 2>&1 &`,
      'hw_pid=$!',
      `for ((hw_i = 0; hw_i < ${WAIT_SECONDS * 5}; hw_i++)); do`,
      `  grep -Fq -- ${quote(step.until)} "$hw_log" && break`,
      `  kill -0 "$hw_pid" 2>/dev/null || { cat "$hw_log" >&2; ${fail('it ended')}; }`,
      '  sleep 0.2',
      'done',
      `grep -Fq -- ${quote(step.until)} "$hw_log" || { cat "$hw_log" >&2; ${fail('it did not print what it is waited for')}; }`,
      'cp "$hw_log" "$hw_shown"',
    ].join('\n');
  }
  return [
    `echo "page: ${name}"`,
    // In this shell, so that what it exports stays; `cat` shows what it printed also where it fails.
    'exec 8>&1 9>&2 > "$hw_shown" 2>&1',
    `trap 'cat "$hw_shown" >&8; echo "page: ${name}: failed" >&9' ERR EXIT`,
    step.text,
    'trap - ERR EXIT',
    'exec >&8 2>&9 8>&- 9>&-',
    'cat "$hw_shown"',
  ].join('\n');
}

/** Single quotes, which a POSIX shell takes as they are. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function toPattern(line: string): string {
  return line
    .trim()
    .split('...')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
}
