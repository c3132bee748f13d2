import type { Connection } from './connection.ts';
import type { BrokerLimits } from './limits.ts';

/**
 * Connections that have not authenticated yet. Who means it says who it is at once; so silent ones that come in numbers
 * lose their places to those that come after them, and shut nobody out, not even one at the same address.
 */
export class PendingConnections {
  readonly #limits: Pick<BrokerLimits, 'maxPending' | 'maxPendingPerAddress'>;
  /** By address, the oldest first. */
  readonly #byAddress = new Map<string, Set<Connection>>();
  #size = 0;

  constructor(limits: Pick<BrokerLimits, 'maxPending' | 'maxPendingPerAddress'>) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  add(connection: Connection): void {
    this.#byAddress.set(connection.address, (this.#byAddress.get(connection.address) ?? new Set()).add(connection));
    this.#size++;
  }

  /** Once it has authenticated or is gone; a second time does nothing. */
  remove(connection: Connection): void {
    const there = this.#byAddress.get(connection.address);
    if (there?.delete(connection) !== true) return;
    this.#size--;
    if (there.size === 0) this.#byAddress.delete(connection.address);
  }

  /** Drops a silent one if there is no place for one more of `address`. False: all that wait there are being checked. */
  makeRoom(address: string): boolean {
    const there = this.#byAddress.get(address);
    if (there !== undefined && there.size >= this.#limits.maxPendingPerAddress) return this.#dropSilent(there);
    if (this.#size < this.#limits.maxPending) return true;
    let most: ReadonlySet<Connection> = new Set();
    for (const some of this.#byAddress.values()) if (some.size > most.size) most = some;
    return this.#dropSilent(most);
  }

  #dropSilent(pending: ReadonlySet<Connection>): boolean {
    for (const connection of pending) {
      if (connection.request !== null) continue;
      connection.drop('too-many-connections');
      this.remove(connection);
      return true;
    }
    return false;
  }
}
