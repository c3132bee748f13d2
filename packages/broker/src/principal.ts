import { type Scope, SERVER_USERNAME } from '@hostwire/registry';

/** Who a connection is, once its credentials were checked. */
export type Principal =
  | {
      readonly kind: 'host';
      readonly host: string;
      /** Who speaks for it, with its own credentials. */
      readonly gateway?: string;
      /** Where a broker elsewhere tells nothing of the session: the hosts behind it, whose topics are also its own. */
      readonly speaksFor?: readonly string[];
    }
  | { readonly kind: 'server' }
  | { readonly kind: 'token'; readonly name: string; readonly scopes: readonly Scope[] };

/** The MQTT username of a principal. */
export function usernameOf(principal: Principal): string {
  if (principal.kind === 'server') return SERVER_USERNAME;
  return principal.kind === 'host' ? (principal.gateway ?? principal.host) : principal.name;
}
