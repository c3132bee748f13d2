import { BrokerError } from '@hostwire/broker';
import { TlsError } from '@hostwire/certificates';
import { RegistryError } from '@hostwire/registry';
import { ConfigError, EXIT } from '@hostwire/service';
import { StoreError } from '@hostwire/store';
import { ListenError } from '../roles/listen-failure.ts';

/** A command line that cannot be understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'usage';
}

/** The API refuses or fails; its sentence says what to do. */
export class ServerAnswerError extends Error {
  override readonly name = 'ServerAnswerError';
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** What to tell the user: a sentence for what can go wrong, the stack for what should not. */
export function describeFailure(error: unknown): { message: string; exitCode: typeof EXIT.failed | typeof EXIT.usage } {
  if (!(error instanceof Error)) return { message: String(error), exitCode: EXIT.failed };
  if (error instanceof ConfigError) return { message: error.message, exitCode: EXIT.usage };
  if (error instanceof TlsError) return { message: error.message, exitCode: EXIT.usage };
  if (error instanceof UsageError || error.name === 'CACError')
    return { message: `${error.message}; --help lists what there is`, exitCode: EXIT.usage };
  if (error instanceof BrokerError) return { message: `${error.message} (--mqtt-port, --mqtts-port)`, exitCode: EXIT.failed };
  const isExpected =
    error instanceof ServerAnswerError ||
    error instanceof ListenError ||
    error instanceof StoreError ||
    error instanceof RegistryError ||
    isOfFile(error);
  return { message: isExpected ? error.message : (error.stack ?? error.message), exitCode: EXIT.failed };
}

/** A file or folder that cannot be used; the system's own message names both. */
function isOfFile(error: Error): boolean {
  return 'syscall' in error && 'path' in error;
}
