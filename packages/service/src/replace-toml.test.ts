import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { parse, stringify } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { replaceToml } from './replace-toml.ts';

const EXAMPLE = readFileSync(new URL('../../../apps/agent/agent.example.toml', import.meta.url), 'utf8');
const NEW = { server_url: 'mqtts://x:8883', token: 'new "one"', token_file: undefined, tls: { ca: '/etc/ca.pem' } };

describe('replaceToml', () => {
  it('changes the named keys and no other line', () => {
    const text = replaceToml(EXAMPLE, 'agent.toml', NEW);
    const expected = EXAMPLE.replace(/^server_url = .*$/m, 'server_url = "mqtts://x:8883"')
      .replace(/^token = .*$/m, 'token = "new \\"one\\""')
      .replace(/^\[tls\]\n/m, '');
    expect(text).toBe(`${expected}\n[tls]\nca = "/etc/ca.pem"\n`);
    expect(replaceToml(text, 'agent.toml', NEW)).toBe(text);
  });

  it('replaces a table with what is in and below it, and keeps the comment on the next', () => {
    const text = 'a = 1\n[tls]\n# old\nca = "x"\n[tls.more]\nb = 1\n\n# of c\n[c]\nd = 2\n';
    expect(replaceToml(text, 'f', { tls: { ca: 'y' } })).toBe('a = 1\n\n# of c\n[c]\nd = 2\n\n[tls]\nca = "y"\n');
    expect(replaceToml(text, 'f', { tls: undefined })).toBe('a = 1\n\n# of c\n[c]\nd = 2\n');
  });

  it('makes a file out of nothing', () => {
    expect(replaceToml('', 'f', { a: 'x', t: { b: 'y' } })).toBe('a = "x"\n\n[t]\nb = "y"\n');
  });

  it('is not misled by texts of several lines, dotted and quoted keys, or inline tables', () => {
    const texts = [
      'note = """\ntoken = "no"\n[tls]\n"""\ntoken = "old"\n',
      'token = """\nold\n"""\n[more]\na = 1\n',
      'tls.ca = "old"\nb = [\n  1,\n]\n',
      '"token" = "old"\ntls = { ca = "old" }\n',
      "list = ['''\n[tls]\n''']\n[ tls ]\nca = 'x'\n",
      '[[rows]]\ntoken = "kept"\n',
    ];
    for (const text of texts) {
      const { token: _token, tls: _tls, ...kept } = parse(text);
      expect(parse(replaceToml(text, 'f', NEW)), text).toEqual({
        ...kept,
        server_url: NEW.server_url,
        token: NEW.token,
        tls: NEW.tls,
      });
    }
  });

  it('keeps every other value of any file', () => {
    const scalar = fc.oneof(fc.string(), fc.integer({ min: -1e9, max: 1e9 }), fc.boolean(), fc.array(fc.string(), { maxLength: 3 }));
    const key = fc.oneof(fc.stringMatching(/^[a-z_]{1,6}$/), fc.constantFrom('token', 'tls', 'server_url', 'token_file'));
    const table = fc.dictionary(key, fc.oneof(scalar, fc.dictionary(key, scalar, { maxKeys: 3 })), { maxKeys: 6 });
    fc.assert(
      fc.property(table, (before) => {
        const { token_file: _, ...rest } = { ...before, ...NEW };
        const after = parse(replaceToml(stringify(before), 'f', NEW));
        expect(JSON.parse(JSON.stringify(after))).toEqual(JSON.parse(JSON.stringify(rest)));
      }),
    );
  });

  it('says where a file is not TOML', () => {
    expect(() => replaceToml('a = \n', 'agent.toml', NEW)).toThrow(/agent\.toml: 1 problem/);
  });
});
