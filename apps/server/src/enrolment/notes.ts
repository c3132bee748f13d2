import type { EnrolmentRecord } from '@hostwire/registry';
import type { Reach } from '../reach.ts';

/** Sentences for who has just made a code: what keeps its command from working, what is to do after it, what it will change. */
export function notesOn(
  { host, replaces }: Pick<EnrolmentRecord, 'host' | 'replaces'>,
  { loopbackOnly }: Pick<Reach, 'loopbackOnly'>,
  { requiresCertificate, hasPackages }: { readonly requiresCertificate: boolean; readonly hasPackages: boolean },
): string[] {
  return [
    ...(loopbackOnly
      ? [
          'This server listens on this machine only, so no other host can use this command. To let others in, start it with --listen 0.0.0.0 (listen in hostwire.toml, or HOSTWIRE_LISTEN): it then speaks TLS.',
        ]
      : []),
    ...(hasPackages || loopbackOnly
      ? []
      : [
          'This server has no archives of the agent to hand out, so the command finds nothing to install: run npm run package in its checkout, or set downloads_dir to where they are.',
        ]),
    ...(requiresCertificate
      ? [
          `This server lets in no host without a certificate: when this one has enrolled, run hostwire host certificate ${host ?? 'NAME'} --out DIR, copy both files to it, and name them in [tls] of its agent.toml.`,
        ]
      : []),
    ...(replaces
      ? [`${host} is enrolled already: with this code it gets a new token, and what it has (token, certificate) is refused from then on.`]
      : []),
  ];
}
