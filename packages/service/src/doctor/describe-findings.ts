import type { Finding, Level } from './finding.ts';

const LEVELS: readonly Level[] = ['error', 'warning', 'ok'];

/** Findings for people: a line each, what to do below it, and a last line that counts them. */
export function describeFindings(findings: readonly Finding[]): string {
  const width = Math.max(0, ...findings.map(({ check }) => check.length));
  const indent = ' '.repeat('warning'.length + width + 4);
  const lines = findings.flatMap(({ check, level, message, cure }) => [
    `${level.padEnd('warning'.length)}  ${check.padEnd(width)}  ${message.replaceAll('\n', `\n${indent}`)}`,
    ...(cure === null ? [] : [`${indent}-> ${cure.replaceAll('\n', `\n${indent}   `)}`]),
  ]);
  return [...lines, '', `${countFindings(findings)}`].join('\n');
}

/** Findings as `--json` prints them. */
export function findingsBody(findings: readonly Finding[]): { ok: boolean; findings: readonly Finding[] } {
  return { ok: !hasErrors(findings), findings };
}

export function hasErrors(findings: readonly Finding[]): boolean {
  return findings.some(({ level }) => level === 'error');
}

function countFindings(findings: readonly Finding[]): string {
  return LEVELS.map((level) => {
    const count = findings.filter((finding) => finding.level === level).length;
    return `${count} ${level}${count === 1 || level === 'ok' ? '' : 's'}`;
  }).join(', ');
}
