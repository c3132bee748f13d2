import type { SampleMessage } from './ingest.ts';

/** Byte 0: the layout. Then receivedAt (8 bytes, double), the length of the topic (2 bytes), the topic, the payload. */
const VERSION = 1;
const HEADER_BYTES = 11;
const MAX_TOPIC_BYTES = 65_535;

/** A message as the journal keeps it: what came, not what was made of it, so that it is typed when it is written. */
export function encodeRecord({ topic, payload, receivedAt }: SampleMessage): Buffer {
  const topicBytes = Buffer.byteLength(topic);
  // MQTT has no longer ones (MQTT 3.1.1, 1.5.3).
  if (topicBytes > MAX_TOPIC_BYTES) throw new RangeError(`a topic of ${topicBytes} bytes`);
  const record = Buffer.allocUnsafe(HEADER_BYTES + topicBytes + payload.length);
  record[0] = VERSION;
  record.writeDoubleBE(receivedAt, 1);
  record.writeUInt16BE(topicBytes, 9);
  record.write(topic, HEADER_BYTES);
  record.set(payload, HEADER_BYTES + topicBytes);
  return record;
}

/** The message of a record, whose payload shares the record's memory; null if it has another layout. Never throws. */
export function decodeRecord(record: Buffer): SampleMessage | null {
  if (record.length < HEADER_BYTES || record[0] !== VERSION) return null;
  const payloadAt = HEADER_BYTES + record.readUInt16BE(9);
  if (payloadAt > record.length) return null;
  return {
    receivedAt: record.readDoubleBE(1),
    topic: record.toString('utf8', HEADER_BYTES, payloadAt),
    payload: record.subarray(payloadAt),
  };
}
