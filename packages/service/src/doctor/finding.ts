/** `warning`: works now, and may not for long, or not as safely as it could. `error`: something does not work. */
export type Level = 'ok' | 'warning' | 'error';

/** What one check saw. Holds no secret. */
export interface Finding {
  /** Name of the check. */
  readonly check: string;
  readonly level: Level;
  /** One sentence. */
  readonly message: string;
  /** What to do; null where nothing is to be done. */
  readonly cure: string | null;
}

/** A finding that does not know its check's name yet. */
export type Observation = Omit<Finding, 'check'>;

/** One look at one thing. It changes nothing. */
export interface Check<Context> {
  readonly name: string;
  /**
   * What it saw, nothing where it does not apply. What it throws becomes a finding that says that it could not look.
   * `signal` is aborted when its time is over.
   */
  run(context: Context, signal: AbortSignal): Promise<readonly Observation[]>;
}

export function fine(message: string): Observation {
  return { level: 'ok', message, cure: null };
}

export function warning(message: string, cure: string): Observation {
  return { level: 'warning', message, cure };
}

export function failure(message: string, cure: string): Observation {
  return { level: 'error', message, cure };
}
