import { expect, it } from 'vitest';
import { notesOn } from './notes.ts';

it('says what keeps a command from working, and nothing where it works', () => {
  const record = { host: 'pi-04', replaces: false };
  const well = { requiresCertificate: false, hasPackages: true };
  expect(notesOn(record, { loopbackOnly: false }, well)).toEqual([]);
  expect(notesOn(record, { loopbackOnly: false }, { ...well, hasPackages: false })).toEqual([expect.stringContaining('npm run package')]);
  // Who cannot reach the server at all has no use for more.
  expect(notesOn(record, { loopbackOnly: true }, { ...well, hasPackages: false })).toEqual([expect.stringContaining('--listen 0.0.0.0')]);
  expect(notesOn(record, { loopbackOnly: false }, { ...well, requiresCertificate: true })).toEqual([
    expect.stringContaining('host certificate pi-04'),
  ]);
  expect(notesOn({ ...record, replaces: true }, { loopbackOnly: false }, well)).toEqual([
    expect.stringContaining('pi-04 is enrolled already'),
  ]);
});
