import type { Sample } from '@hostwire/model';

/** Values of one sample of a host in a fault run, besides its row `agent`. */
export const VALUES = 24;

/** Rows of a small sample; the values move, so that no two samples are alike. */
export function rowsOf(
  seq: number,
  { busy = false, poison = false }: { readonly busy?: boolean; readonly poison?: boolean } = {},
): Sample['data'] {
  const level = (seed: number): number => Math.round((50 + 40 * Math.sin((seq + seed) / 17)) * 1000) / 1000;
  const fields = (names: readonly string[], value: (index: number) => number): Record<string, number> =>
    Object.fromEntries(names.map((name, index) => [name, value(index)]));
  return {
    cpu: [
      {
        tags: { cpu: 'cpu-total' },
        fields: fields(
          ['usage_active', 'usage_user', 'usage_system', 'usage_idle', 'usage_nice', 'usage_iowait', 'usage_softirq', 'usage_steal'],
          (index) => (busy && index === 0 ? 100 : level(index)),
        ),
      },
    ],
    mem: [
      {
        fields: fields(
          ['total', 'used', 'available', 'free', 'cached', 'buffered', 'active', 'inactive'],
          (index) => 1_000_000_000 + index * 4096 + seq,
        ),
      },
    ],
    net: [
      {
        tags: { interface: 'eth0' },
        fields: fields(
          ['bytes_recv', 'bytes_sent', 'packets_recv', 'packets_sent', 'err_in', 'err_out', 'drop_in', 'drop_out'],
          (index) => seq * (index + 1),
        ),
      },
    ],
    ...(poison ? { poison: [{ fields: { value: seq } }] } : {}),
  };
}
