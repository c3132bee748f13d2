import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { readPage, toScript } from './page-script.ts';

const run = (markdown: string): string =>
  execFileSync('bash', ['-c', toScript(readPage(markdown).steps)], { encoding: 'utf8', cwd: tempDir(), stdio: ['ignore', 'pipe', 'pipe'] });

const fence = (words: string, text: string): string => `\`\`\`${words}\n${text}\n\`\`\`\n`;

describe('readPage', () => {
  it('takes the blocks that say run, and no others', () => {
    const page = readPage(
      `# T\n<!-- run needs: mosquitto influxd -->\n${fence('sh', 'rm -rf x')}${fence('sh run', 'a')}${fence('toml run file=a/b.toml', 'k = 1')}` +
        `${fence('sh run until="is up"', 'b')}${fence('text run shows', 'c')}${fence('json', '{}')}`,
    );
    expect(page.needs).toEqual(['mosquitto', 'influxd']);
    expect(page.steps.map(({ kind, line }) => [kind, line])).toEqual([
      ['command', 6],
      ['file', 9],
      ['background', 12],
      ['shows', 15],
    ]);
  });

  it('refuses a word that it does not know, and a block that does not end', () => {
    expect(() => readPage(fence('sh run fast', 'a'))).toThrow('line 1: a block that is run says "fast"');
    expect(() => readPage('```sh run\na')).toThrow('the block at line 1 does not end');
  });
});

describe('toScript', () => {
  it('runs all in one shell, writes files with the variables set, and compares what was printed', () => {
    const printed = run(
      fence('sh run', "export NAME=it\\'s\necho one $NAME") +
        fence('text run shows', "one it's\none ...s") +
        fence('toml run file=x/y.toml', 'name = "$NAME"') +
        fence('sh run', 'cat x/y.toml') +
        fence('text run shows', 'name = "it\'s"') +
        fence('ts run file=x/y.ts', 'const text = `$NAME\\n`;') +
        fence('sh run', 'cat x/y.ts') +
        fence('text run shows', 'const text = `$NAME\\n`;'),
    );
    expect(printed).toContain('page: all ran');
  });

  it('fails at the block that fails, at what was not printed, and at what ends in the background', () => {
    const failure = (markdown: string): string => {
      try {
        return `ran: ${run(markdown)}`;
      } catch (error) {
        return String((error as { stderr: string }).stderr);
      }
    };
    expect(failure(`${fence('sh run', 'true')}${fence('sh run', 'false\necho on')}`)).toContain('page: line 4: failed');
    expect(failure(fence('sh run', 'echo a') + fence('text run shows', 'b'))).toContain('page: line 4: this line was not printed');
    expect(failure(fence('sh run until="up"', 'echo down'))).toContain('page: line 1: it ended');
    expect(failure(fence('sh run', 'false | true\necho "$HW_NOT_SET"'))).toContain('page: line 1: failed');
  });

  it('goes on while a block runs in the background', () => {
    const printed = run(
      fence('sh run until="up"', 'echo starting; sleep 0.3; echo up; exec sleep 60') +
        fence('text run shows', 'starting') +
        fence('sh run', 'kill $hw_pid && echo killed'),
    );
    expect(printed).toContain('killed');
  });

  it('takes no page of the docs for one without blocks by mistake', () => {
    const start = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
    expect(readPage(start).steps.length).toBeGreaterThan(0);
  });
});
