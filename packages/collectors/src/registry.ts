import { type Catalog, toCatalog } from '@hostwire/model';
import type { Collector } from './collector.ts';
import { cpu } from './cpu/index.ts';
import { custom } from './custom/index.ts';
import { disk } from './disk/index.ts';
import { diskio } from './diskio/index.ts';
import { dnsQuery } from './dns_query/index.ts';
import { docker } from './docker/index.ts';
import { httpResponse } from './http_response/index.ts';
import { kernel } from './kernel/index.ts';
import { mem } from './mem/index.ts';
import { net } from './net/index.ts';
import { netResponse } from './net_response/index.ts';
import { netstat } from './netstat/index.ts';
import { ping } from './ping/index.ts';
import { pressure } from './pressure/index.ts';
import { processes } from './processes/index.ts';
import { publicIp } from './public_ip/index.ts';
import { SELF_DECLARATIONS } from './self-measurement.ts';
import { swap } from './swap/index.ts';
import { system } from './system/index.ts';
import { temp } from './temp/index.ts';
import { tmux } from './tmux/index.ts';
import { x509Cert } from './x509_cert/index.ts';

/** Every collector, one line each. */
export const COLLECTORS: readonly Collector[] = [
  cpu,
  mem,
  swap,
  system,
  kernel,
  pressure,
  processes,
  disk,
  diskio,
  net,
  netstat,
  temp,
  docker,
  tmux,
  httpResponse,
  netResponse,
  dnsQuery,
  ping,
  x509Cert,
  publicIp,
  custom,
];

/** The union of what these collectors and the runner itself declare. */
export function catalog(collectors: readonly Collector[] = COLLECTORS): Catalog {
  return toCatalog([...collectors, ...SELF_DECLARATIONS].map(({ name, tier, help, measurements }) => ({ name, tier, help, measurements })));
}
