import { isIP } from 'node:net';
import { AccessError, type RecordType, type ResolveAnswer } from './host-access.ts';

/** Throws AccessError EINVAL if that cannot be asked. */
export function checkName(name: string, server: string | undefined): void {
  if (!/^[^\s/@#?]{1,253}$/.test(name)) throw new AccessError('EINVAL', `${name}: that is no name`);
  if (server === undefined) return;
  const address = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(server)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+)(?::\d{1,5})?$/.exec(server)?.[1] ?? server;
  if (isIP(address) === 0) throw new AccessError('EINVAL', `${server}: a name server is named by its address`);
}

/** Asks the DNS. If `signal` aborts, its reason is thrown and nothing is waited for any more. Rejects with what Node says. */
export async function resolveName(
  name: string,
  { type, server, signal }: { readonly type: RecordType; readonly server: string | undefined; readonly signal: AbortSignal },
): Promise<ResolveAnswer> {
  const { Resolver } = await import('node:dns/promises');
  signal.throwIfAborted();
  const resolver = new Resolver();
  if (server !== undefined) resolver.setServers([server]);
  const began = performance.now();
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  try {
    const answers = await Promise.race([ask(resolver, name, type), aborted]);
    return { answers: answers.sort(), timeMs: Math.round((performance.now() - began) * 1000) / 1000 };
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ETIMEOUT') {
      throw new AccessError('timeout', `${name}: the name server does not answer`, { cause: thrown });
    }
    throw thrown;
  } finally {
    resolver.cancel();
  }
}

type Resolver = import('node:dns/promises').Resolver;

async function ask(resolver: Resolver, name: string, type: RecordType): Promise<string[]> {
  switch (type) {
    case 'A':
      return resolver.resolve4(name);
    case 'AAAA':
      return resolver.resolve6(name);
    case 'CNAME':
      return resolver.resolveCname(name);
    case 'NS':
      return resolver.resolveNs(name);
    case 'PTR':
      return isIP(name) === 0 ? resolver.resolvePtr(name) : resolver.reverse(name);
    case 'MX':
      return (await resolver.resolveMx(name)).map(({ priority, exchange }) => `${priority} ${exchange}`);
    case 'TXT':
      return (await resolver.resolveTxt(name)).map((parts) => parts.join(''));
  }
}
