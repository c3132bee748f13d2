import type { Counters } from '@hostwire/model';
import type { Registry } from '@hostwire/registry';
import type { Logger } from '@hostwire/service';
import { type MosquittoExport, writeMosquittoFiles } from '../mosquitto-export.ts';

export interface ExportBrokerOptions extends Omit<MosquittoExport, 'users' | 'certificate'> {
  readonly registry: Pick<Registry, 'tokens' | 'onCredentialsChange'>;
  /** The certificate as it is now, and who hears of another; null: the broker gets one elsewhere. */
  readonly certificate: { current(): { readonly cert: string; readonly key: string }; onChange(listener: () => void): () => void } | null;
  readonly counters: Counters;
  readonly logger: Logger;
  /** Ms until files that could not be written are tried again. */
  readonly againMs?: number;
}

const AGAIN_MS = 5000;

/**
 * Keeps the files of Mosquitto true: written now, and after each change of credentials or of the certificate. Resolves when they
 * are there or could not be written; that is tried again, and never throws. The result ends it.
 */
export async function keepExported({
  registry,
  certificate,
  counters,
  logger,
  againMs = AGAIN_MS,
  ...files
}: ExportBrokerOptions): Promise<() => void> {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let failing = false;
  let queue = Promise.resolve();
  const write = async (): Promise<void> => {
    clearTimeout(timer);
    if (stopped) return;
    try {
      // The name of the server's own user is its alone there.
      const users = (await registry.tokens.mqttUsers()).filter(({ name }) => name !== files.username);
      if (writeMosquittoFiles({ ...files, users, certificate: certificate?.current() ?? null })) counters.add('written');
      if (failing) logger.info({ folder: files.folder }, 'the files of the broker are written again');
      failing = false;
    } catch (error) {
      counters.add('write_failed');
      if (!failing)
        logger.warn({ err: error, folder: files.folder }, 'the files of the broker were not written; tried again every few seconds');
      failing = true;
      timer = setTimeout(next, againMs);
      timer.unref();
    }
  };
  const next = (): void => {
    queue = queue.then(write);
  };
  const stops = [registry.onCredentialsChange(next), certificate?.onChange(next)];
  next();
  await queue;
  return () => {
    stopped = true;
    clearTimeout(timer);
    for (const stop of stops) stop?.();
  };
}
