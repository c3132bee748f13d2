export * from './daemons.ts';
export * from './network.ts';
export * from './scripted-influx.ts';
export * from './seeded-faults.ts';
export * from './sshd.ts';
export * from './system.ts';
