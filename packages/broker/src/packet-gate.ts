/**
 * Looks at the lengths of MQTT packets in a stream of bytes (MQTT 3.1.1 section 2.2.3) before a parser collects them:
 * mqtt-packet has no limit and would keep up to 256 MiB for one packet.
 */
export class PacketGate {
  /** Payload bytes of the present packet that are still to come. */
  #skip = 0;
  /** 0: the next byte is a fixed header's first; n: its n-th length byte. */
  #lengthByte = 0;
  #length = 0;

  /** False if a packet in these bytes is longer than `limit` (without its fixed header) or its length is malformed. Then the stream is of no use. */
  accept(bytes: Uint8Array, limit: number): boolean {
    let at = 0;
    while (at < bytes.length) {
      if (this.#skip > 0) {
        const taken = Math.min(this.#skip, bytes.length - at);
        this.#skip -= taken;
        at += taken;
        continue;
      }
      const byte = bytes[at++] ?? 0;
      if (this.#lengthByte === 0) {
        this.#lengthByte = 1;
        this.#length = 0;
        continue;
      }
      this.#length += (byte & 0x7f) * 128 ** (this.#lengthByte - 1);
      if (this.#length > limit) return false;
      if ((byte & 0x80) === 0) {
        this.#skip = this.#length;
        this.#lengthByte = 0;
      } else if (++this.#lengthByte > 4) {
        return false;
      }
    }
    return true;
  }
}
