import type { Scope } from '@hostwire/registry';

/** Who a connection is, once its credentials were checked. */
export type Principal =
  | { readonly kind: 'host'; readonly host: string }
  | { readonly kind: 'token'; readonly name: string; readonly scopes: readonly Scope[] };
