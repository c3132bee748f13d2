import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { COLLECTORS, type Collector } from '@hostwire/collectors';
import { describe, expect, it } from 'vitest';
import { collectorPages } from './collector-pages.ts';

const collector = {
  name: 'thing',
  tier: 'slow',
  optIn: true,
  help: 'Things.',
  measurements: {
    thing: {
      help: 'One thing.',
      tags: { name: 'Its name' },
      fields: { level: { type: 'float', unit: 'volts', kind: 'gauge', help: 'High | low' } },
    },
  },
  needs: { commands: [{ command: 'thingctl', args: ['show', { pattern: '[a-z]+' }], sudo: true }], files: ['/etc/thing'] },
  options: {
    type: 'object',
    properties: {
      all: { type: 'boolean', default: false, remote: true, description: 'All of them' },
      targets: {
        type: 'array',
        default: [],
        description: 'Which',
        items: {
          anyOf: [
            { type: 'object', properties: { host: { type: 'string' }, port: { type: 'integer', minimum: 1, maximum: 9, default: 7 } } },
            { type: 'object', properties: { host: { type: 'string' }, file: { type: 'string', default: '' } } },
          ],
        },
      },
    },
  },
} as unknown as Collector;

const README = `# thing

[Here](README.md), [there](../other/README.md#more), [guide](../../../../docs/guides/alerts.md), [out](https://example.org/), [up](#a).

## Deeper

\`\`\`sh
## no heading
\`\`\`
`;

describe('collectorPages', () => {
  const { 'thing.md': page = '', 'README.md': list = '' } = collectorPages([collector], () => README);

  it('says what the declaration says', () => {
    for (const line of [
      'Things. Tier slow. Off until it is switched on.',
      '- tag `name`: Its name',
      '| `level` | float | volts | gauge | High \\| low |',
      '| `all` | true or false | `false` | yes | All of them |',
      '| `targets` | list of table | `[]` | no | Which |',
      '| `targets[].host` | text |  | no |  |',
      '| `targets[].port` | whole number, 1 to 9 | `7` | no |  |',
      '| `targets[].file` | text | empty | no |  |',
      '- runs `thingctl show /[a-z]+/` as root',
      '- reads `/etc/thing`',
    ]) {
      expect(page.split('\n')).toContain(line);
    }
    expect(page.match(/targets\[\]\.host/g)).toHaveLength(1);
    expect(list).toContain('| [thing](thing.md) | slow | Things. Off until it is switched on. | `thingctl` |');
  });

  it('takes the README in, its links from where the page is, its headings lower and its code as it is', () => {
    for (const link of [
      '[Here](../../../packages/collectors/src/thing/README.md)',
      '[there](../../../packages/collectors/src/other/README.md#more)',
      '[guide](../../guides/alerts.md)',
      '[out](https://example.org/)',
      '[up](#a)',
    ]) {
      expect(page).toContain(link);
    }
    expect(page).toContain('\n### Deeper\n');
    expect(page).toContain('```sh\n## no heading\n```');
    expect(page.match(/^# /gm)).toHaveLength(1);
  });

  it('makes a page of every collector, each of which has a README', () => {
    const readme = (name: string) =>
      readFileSync(fileURLToPath(new URL(`../../packages/collectors/src/${name}/README.md`, import.meta.url)), 'utf8');
    const pages = collectorPages(COLLECTORS, readme);
    expect(Object.keys(pages).sort()).toEqual(['README.md', ...COLLECTORS.map(({ name }) => `${name}.md`)].sort());
    for (const { name } of COLLECTORS) expect(readme(name).split('\n')[0]).toBe(`# ${name}`);
  });
});
