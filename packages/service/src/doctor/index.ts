export * from './describe-findings.ts';
export * from './finding.ts';
export * from './run-checks.ts';
