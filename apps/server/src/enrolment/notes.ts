import type { EnrolmentRecord } from '@hostwire/registry';
import type { Reach } from '../reach.ts';

/** Sentences for who has just made a code: what keeps its command from working, and what it will change. */
export function notesOn(
  { host, replaces }: Pick<EnrolmentRecord, 'host' | 'replaces'>,
  { loopbackOnly }: Pick<Reach, 'loopbackOnly'>,
): string[] {
  return [
    ...(loopbackOnly
      ? [
          'This server listens on this machine only, so no other host can use this command. To let others in, start it with --listen 0.0.0.0 (listen in hostwire.toml, or HOSTWIRE_LISTEN): it then speaks TLS.',
        ]
      : []),
    ...(replaces
      ? [`${host} is enrolled already: with this code it gets a new token, and the one that it has is refused from then on.`]
      : []),
  ];
}
