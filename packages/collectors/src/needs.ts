import { AccessError, type HostAccess } from '@hostwire/host-access';
import type { Collector, CommandNeed } from './collector.ts';
import { sharesReadings } from './shared-reading.ts';

/** True if a command line is one of those that a need names. */
export function isNeeded({ command, args, sudo = false }: CommandNeed, asked: readonly string[], asRoot: boolean): boolean {
  return (
    asked[0] === command &&
    asked.length === args.length + 1 &&
    (sudo || !asRoot) &&
    args.every((arg, index) => matches(arg, asked[index + 1] ?? ''))
  );
}

function matches(arg: CommandNeed['args'][number], asked: string): boolean {
  return typeof arg === 'string' ? arg === asked : new RegExp(`^(?:${arg.pattern})$`, 's').test(asked);
}

/** The commands that a collector may run with these options. */
export function commandNeeds(collector: Collector, options: unknown): readonly CommandNeed[] {
  return [...(collector.needs?.commands ?? []), ...(collector.configuredNeeds?.(options).commands ?? [])];
}

/** The same access, but a command that the collector does not declare throws AccessError EPERM. */
export function boundAccess(access: HostAccess, collector: Collector, options: unknown): HostAccess {
  const needs = commandNeeds(collector, options);
  const bound: HostAccess = {
    async exec(command, args, how) {
      if (!needs.some((need) => isNeeded(need, [command, ...args], how?.sudo === true))) {
        throw new AccessError('EPERM', `${command}: collector ${collector.name} does not declare that it runs it so (needs.commands)`);
      }
      return access.exec(command, args, how);
    },
    readFile: (path, how) => access.readFile(path, how),
    readFiles: (paths, how) => access.readFiles(paths, how),
    readDir: (path, how) => access.readDir(path, how),
    readLink: (path, how) => access.readLink(path, how),
    statFs: (path, how) => access.statFs(path, how),
    request: (ask, how) => access.request(ask, how),
    dial: (ask, how) => access.dial(ask, how),
    resolve: (name, how) => access.resolve(name, how),
    close: () => access.close(),
  };
  return sharesReadings(bound, access);
}
