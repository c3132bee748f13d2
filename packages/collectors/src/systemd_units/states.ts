/** Telegraf's numbers of the words that systemd has for what became of a unit's file (systemctl(1), LOAD). */
export const LOAD_CODES: ReadonlyMap<string, number> = toCodes(0, 'loaded stub not-found bad-setting error merged masked');

/** The states that every kind of unit has (ACTIVE). */
export const ACTIVE_CODES: ReadonlyMap<string, number> = toCodes(0, 'active reloading inactive failed activating deactivating');

/** The states of each kind of unit (SUB); those of services at 0, of timers from 0x20, of mounts from 0x30, and so on. */
export const SUB_CODES: ReadonlyMap<string, number> = new Map([
  ...toCodes(0x00, 'running dead start-pre start exited reload stop stop-watchdog stop-sigterm stop-sigkill stop-post final-sigterm'),
  ...toCodes(0x0c, 'failed auto-restart condition cleaning waiting reload-signal reload-notify final-watchdog'),
  ...toCodes(0x14, 'dead-before-auto-restart failed-before-auto-restart dead-resources-pinned auto-restart-queued'),
  ...toCodes(0x20, 'tentative plugged'),
  ...toCodes(0x30, 'mounting mounting-done mounted remounting unmounting remounting-sigterm remounting-sigkill unmounting-sigterm'),
  ...toCodes(0x38, 'unmounting-sigkill'),
  ...toCodes(0x50, 'abandoned'),
  ...toCodes(0x60, 'active'),
  ...toCodes(0x70, 'start-chown start-post listening stop-pre stop-pre-sigterm stop-pre-sigkill final-sigkill'),
  ...toCodes(0x80, 'activating activating-done deactivating deactivating-sigterm deactivating-sigkill'),
  ...toCodes(0xa0, 'elapsed'),
]);

function toCodes(first: number, words: string): Map<string, number> {
  return new Map(words.split(' ').map((word, index) => [word, first + index]));
}
