import { connect, type Socket } from 'node:net';
import { Dice } from './dice.ts';
import { connectPacket, mutatePacket, validPackets } from './mutate-packet.ts';
import type { Host } from './server-under-test.ts';

export interface PacketAttackOptions {
  readonly port: number;
  /** Each attacks on one connection at a time. */
  readonly hosts: readonly Host[];
  /** A token that may read everything: it attacks too. */
  readonly reader: { readonly username: string; readonly password: string };
  /** Mutated packets in all. */
  readonly packets: number;
  readonly seed: number;
  /** Called now and then with how many have been sent. */
  readonly onProgress?: (sent: number) => Promise<void>;
}

export interface PacketAttackReport {
  readonly sent: number;
  readonly beforeConnack: number;
  readonly afterConnack: number;
  readonly connections: number;
  /** What followed a packet: the broker answered a PINGREQ behind it, closed the connection, or waited for more. */
  readonly answered: number;
  readonly closed: number;
  readonly waited: number;
}

type Counts = { -readonly [Key in keyof PacketAttackReport]: number };

const PINGREQ = Buffer.from([0xc0, 0]);
const PINGRESP = Buffer.from([0xd0, 0]);
/** Of so many, and of a fiftieth of all, progress is told. */
const PROGRESS_PACKETS = 20_000;
/** A broker that has not answered by then waits for the rest of a packet. */
const PATIENCE_MS = 60;
const CONNECT_PATIENCE_MS = 5000;
/** After that many packets a connection has shown what it can. */
const PACKETS_PER_CONNECTION = 32;
/** A quarter of the packets comes from strangers: each costs a connection. */
const STRANGERS = 0.25;

/**
 * Sends mutated packets to a broker, each where a packet begins, so that every one is looked at: behind each goes a PINGREQ,
 * and the next goes only when that was answered. A connection that was closed, or waits for the rest of a packet, is given up.
 */
export async function attackWithPackets(options: PacketAttackOptions): Promise<PacketAttackReport> {
  const counts: Counts = { sent: 0, beforeConnack: 0, afterConnack: 0, connections: 0, answered: 0, closed: 0, waited: 0 };
  let reported = 0;
  const step = Math.max(PROGRESS_PACKETS, Math.floor(options.packets / 50));
  const attackers = options.hosts.map(async (host, index) => {
    const share = Math.floor(options.packets / options.hosts.length) + (index < options.packets % options.hosts.length ? 1 : 0);
    const attacker = new Attacker(options, host, Dice.of(options.seed, index), counts);
    for (let left = share; left > 0; ) {
      left -= await attacker.connection(left);
      if (options.onProgress === undefined || counts.sent - reported < step) continue;
      reported = counts.sent;
      await options.onProgress(counts.sent);
    }
  });
  await Promise.all(attackers);
  return counts;
}

/** As whom an attacker connects, and the packets that it damages. */
interface Role {
  readonly hello: Buffer;
  readonly connects: readonly Buffer[];
  readonly corpus: readonly Buffer[];
}

class Attacker {
  readonly #port: number;
  readonly #dice: Dice;
  readonly #counts: Counts;
  readonly #roles: readonly Role[];
  #sent = 0;
  #asStranger = 0;

  constructor({ port, reader }: PacketAttackOptions, host: Host, dice: Dice, counts: Counts) {
    this.#port = port;
    this.#dice = dice;
    this.#counts = counts;
    const asHost = roleOf(host.id, host.id, host.token);
    this.#roles = [asHost, asHost, asHost, roleOf(host.id, reader.username, reader.password)];
  }

  /** Sends at most `most` mutated packets; returns how many. */
  async connection(most: number): Promise<number> {
    const { hello, connects, corpus } = this.#dice.one(this.#roles);
    const stranger = this.#asStranger <= STRANGERS * this.#sent;
    const link = new Link(this.#port);
    this.#counts.connections++;
    try {
      if (!stranger && (await link.exchange(hello, CONNECT_PATIENCE_MS)) !== 'answered') return 0;
      const limit = stranger ? 1 : Math.min(most, PACKETS_PER_CONNECTION);
      for (let sent = 0; sent < limit; ) {
        const packet = this.#dice.one(stranger && this.#dice.chance(0.7) ? connects : corpus);
        const outcome = await link.exchange(mutatePacket(packet, this.#dice, corpus), PATIENCE_MS);
        sent++;
        this.#sent++;
        if (stranger) this.#asStranger++;
        this.#counts.sent++;
        this.#counts[stranger ? 'beforeConnack' : 'afterConnack']++;
        this.#counts[outcome]++;
        if (outcome !== 'answered') return sent;
      }
      return limit;
    } finally {
      link.end();
    }
  }
}

function roleOf(clientId: string, username: string, password: string): Role {
  const { connects, others } = validPackets(clientId, username, password);
  return { hello: connectPacket(clientId, username, password), connects, corpus: [...connects, ...others] };
}

class Link {
  readonly #socket: Socket;
  #closed = false;
  #tail: Buffer = Buffer.alloc(0);
  #settle: (() => void) | null = null;

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => {
      this.#closed = true;
      this.#settle?.();
    });
    this.#socket.on('data', (bytes) => {
      this.#tail = Buffer.concat([this.#tail, bytes]).subarray(-2);
      if (this.#tail.equals(PINGRESP)) this.#settle?.();
    });
  }

  /** Writes `bytes` and a PINGREQ, and waits for what comes of it. */
  exchange(bytes: Buffer, patienceMs: number): Promise<'answered' | 'closed' | 'waited'> {
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#settle = null;
        if (this.#closed) resolve('closed');
        else resolve(this.#tail.equals(PINGRESP) ? 'answered' : 'waited');
      };
      const timer = setTimeout(finish, patienceMs);
      this.#tail = Buffer.alloc(0);
      this.#settle = finish;
      if (this.#closed) finish();
      else this.#socket.write(Buffer.concat([bytes, PINGREQ]));
    });
  }

  /** Without a FIN, so that a million of them leave no ports behind. */
  end(): void {
    this.#socket.resetAndDestroy();
  }
}
