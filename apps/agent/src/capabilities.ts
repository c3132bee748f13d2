import { type Capability, canonicalJson } from '@hostwire/model';
import type { Logger } from '@hostwire/service';

export type Capabilities = Readonly<Record<string, Capability>>;

export interface CapabilityWatchOptions {
  /** As they were at the start. */
  readonly first: Capabilities;
  /** Looks at all collectors, or at those of these names. Never rejects. */
  readonly probe: (names?: readonly string[]) => Promise<Capabilities>;
  /** Called when anything about any of them has changed. */
  readonly onChange: () => void;
  readonly logger: Logger;
  /** Milliseconds between looks; null: it looks only when told to. */
  readonly everyMs: number | null;
}

/** Knows which collectors work on this host, looks again now and then, and logs what has changed. */
export class CapabilityWatch {
  readonly #options: CapabilityWatchOptions;
  readonly #timer: NodeJS.Timeout | undefined;
  #now: Capabilities;
  #looking: Promise<unknown> = Promise.resolve();

  constructor(options: CapabilityWatchOptions) {
    const { first, everyMs } = options;
    this.#options = options;
    this.#now = first;
    this.#timer = everyMs === null ? undefined : setInterval(() => void this.refresh(), everyMs).unref();
  }

  get capabilities(): Capabilities {
    return this.#now;
  }

  /** Looks again at all collectors, or at those of these names, and gives what is then known of all. Never rejects. */
  refresh(names?: readonly string[]): Promise<Capabilities> {
    const looked = this.#looking.then(async () => {
      this.#learn(await this.#options.probe(names));
      return this.#now;
    });
    this.#looking = looked;
    return looked;
  }

  /** What was found out in passing. */
  note(name: string, capability: Capability): void {
    this.#learn({ [name]: capability });
  }

  /** Resolves when nothing is looked at any more. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  #learn(found: Capabilities): void {
    const before = this.#now;
    const changed = Object.entries(found).filter(([name, capability]) => canonicalJson(before[name] ?? null) !== canonicalJson(capability));
    if (changed.length === 0) return;
    this.#now = { ...before, ...found };
    for (const [name, capability] of changed) {
      if (capability.available === before[name]?.available) continue;
      if (capability.available) this.#options.logger.info({ collector: name }, `${name}: available now`);
      else this.#options.logger.warn({ collector: name }, `${name}: no longer available: ${whyNot(capability)}`);
    }
    this.#options.onChange();
  }
}

/** Says once, at the start, what is not available, and for what can be granted the line that grants it. */
export function logCapabilities(capabilities: Capabilities, logger: Logger): void {
  const missing = Object.entries(capabilities).filter(([, { available }]) => !available);
  for (const [name, capability] of missing.filter(([name, { hint }]) => hint !== undefined && !isSetting(name, hint))) {
    logger.info({ collector: name }, `not available: ${name}: ${whyNot(capability)}`);
  }
  const list = (title: string, names: readonly string[]): void => {
    if (names.length > 0) logger.info(`${title}: ${names.join(', ')}`);
  };
  list(
    'not on this host',
    missing.filter(([, { hint }]) => hint === undefined).map(([name, { reason }]) => (reason === undefined ? name : `${name} (${reason})`)),
  );
  list(
    'not asked for in the configuration',
    missing.filter(([name, { hint }]) => hint !== undefined && isSetting(name, hint)).map(([name]) => name),
  );
}

/** The hint is a line of the agent's own file: nobody has wanted it, so that nothing lacks. */
function isSetting(name: string, hint: string): boolean {
  return hint.startsWith(`[collectors.${name}] `);
}

function whyNot({ reason = 'it does not say why', hint }: Capability): string {
  return hint === undefined ? reason : `${reason}; to grant it: ${hint}`;
}
