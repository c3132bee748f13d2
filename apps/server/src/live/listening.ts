/** Longer between two looks at the clock: this process stood still, or the clock was set. */
const MAX_GAP_MS = 10_000;
const EVERY_MS = 1000;

export interface Listening {
  /** Since when this process hears all that hosts say, ms since the epoch; null: it does not. */
  since(): number | null;
  close(): void;
}

/**
 * Since when hosts are heard: since the connection to the broker stands, or since this process goes on after it stood
 * still. Who was silent before that is not known to have been.
 */
export function listening(connectedSince: () => number | null, now: () => number = Date.now): Listening {
  let looked = now();
  let awakeSince = 0;
  const look = (): void => {
    const at = now();
    if (at < looked || at - looked > MAX_GAP_MS) awakeSince = at;
    looked = at;
  };
  const timer = setInterval(look, EVERY_MS);
  timer.unref();
  return {
    since() {
      look();
      const connected = connectedSince();
      return connected === null ? null : Math.max(connected, awakeSince);
    },
    close: () => clearInterval(timer),
  };
}
