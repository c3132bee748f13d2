import type { Socket } from 'node:net';
import type { DialTimings, HttpTimings } from './host-access.ts';

/** Times the parts of one connection, from its making. */
export class ConnectionClock {
  readonly #began = performance.now();
  #lookedUp = 0;
  #connected = 0;
  #secured = 0;
  #first = 0;

  /** Call as soon as there is a socket, before anything has happened to it. */
  watch(socket: Socket): void {
    socket.once('lookup', () => {
      this.#lookedUp = performance.now();
    });
    socket.once('connect', () => {
      this.#connected = performance.now();
    });
    socket.once('secureConnect', () => {
      this.#secured = performance.now();
    });
  }

  /** Something has come; what comes after the first counts no more. */
  firstByte(): void {
    if (this.#first === 0) this.#first = performance.now();
  }

  get timings(): DialTimings {
    const asked = this.#lookedUp || this.#began;
    const connected = this.#connected || asked;
    return {
      dnsMs: rounded(asked - this.#began),
      connectMs: rounded(connected - asked),
      tlsMs: this.#secured === 0 ? 0 : rounded(this.#secured - connected),
      firstByteMs: this.#first === 0 ? 0 : rounded(this.#first - (this.#secured || connected)),
    };
  }

  /** With the time until now. */
  total(): HttpTimings {
    return { ...this.timings, totalMs: rounded(performance.now() - this.#began) };
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
