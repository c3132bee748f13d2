import type { ClientChannel } from 'ssh2';
import { AccessError } from '../host-access.ts';
import type { RemoteOutput } from './remote-answer.ts';

/** A command that runs on a host, from the moment its channel is open. */
export interface HeldChannel {
  /** All that it gave, when the channel has ended. Rejects with AccessError `too-large` as soon as it is more than it may be. */
  readonly output: Promise<RemoteOutput>;
  /** Resolves when the host has let go of it. */
  readonly closed: Promise<void>;
  /** Ends the channel; whoever writes on gets SIGPIPE. */
  close(): void;
}

/**
 * Listens to a channel. To be called in the turn in which it was opened: how a command ended may have come together with its channel,
 * and is told once.
 */
export function holdChannel(channel: ClientChannel, { maxBytes, what }: { readonly maxBytes: number; readonly what: string }): HeldChannel {
  const chunks: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] };
  let bytes = 0;
  let exitCode: number | null = null;
  const closed = new Promise<void>((resolve) => channel.once('close', () => resolve()));
  const output = new Promise<RemoteOutput>((resolve, reject) => {
    const take = (into: Buffer[]) => (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBytes) {
        into.push(chunk);
        return;
      }
      reject(new AccessError('too-large', `${what}: more than ${maxBytes} bytes`));
      chunks.stdout.length = 0;
      chunks.stderr.length = 0;
      channel.close();
    };
    channel.on('data', take(chunks.stdout));
    channel.stderr.on('data', take(chunks.stderr));
    channel.once('exit', (code: number | null) => {
      exitCode = code;
      // Not before: of a channel that both sides have ended, sshd may be done before it knows how the command did.
      channel.end();
    });
    channel.once('error', () => undefined);
    channel.once('close', () =>
      resolve({ stdout: Buffer.concat(chunks.stdout), stderr: Buffer.concat(chunks.stderr).toString('utf8'), exitCode }),
    );
  });
  output.catch(() => undefined);
  return { output, closed, close: () => channel.close() };
}
