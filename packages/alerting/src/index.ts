export * from './alert-body.ts';
export * from './alerting.ts';
export * from './evaluate.ts';
export * from './observe.ts';
export * from './rule.ts';
export * from './rules-file.ts';
