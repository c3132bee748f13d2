import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { EXIT } from '@hostwire/service';
import type { AgentCommand } from '../cli.ts';
import { gatherFiles } from './gather-files.ts';
import { tarOf } from './tar.ts';

/** `diagnose`: all that somebody who helps wants to see, in one file. Sends nothing, and holds no secret. */
export const diagnoseCommand: AgentCommand = {
  name: 'diagnose',
  summary: 'write what somebody who helps wants to see into one file, without any secret',
  options: [
    ['--out <file>', 'what to write; default hostwire-diagnose-TIME.tar.gz in this folder'],
    ['--config <file>', 'configuration; else HOSTWIRE_AGENT_CONFIG, else /etc/hostwire/agent.toml'],
  ],
  notes: `It holds what this host can be asked, the configuration without secrets, what doctor finds, versions, one reading with all
that was asked for it, and the end of the diagnostic dump if there is one. Read it before you hand it on: names of hosts,
containers, disks and processes are in it.

Exit codes: 0 written, 1 failed, 2 the command line cannot be used.`,
  async run(given, env) {
    const now = new Date();
    const stamp = now.toISOString().slice(0, 19).replace(/[-:]/g, '');
    const file = resolve(given.text('out') ?? `hostwire-diagnose-${stamp}.tar.gz`);
    // Before the work, so that nobody waits for what cannot be written. Never through a link, nor over what is there.
    const handle = await open(file, 'wx', 0o600).catch((cause: NodeJS.ErrnoException) => {
      throw Object.assign(
        new Error(`${file}: ${cause.code === 'EEXIST' ? 'is there already' : cause.message}; name another --out`, { cause }),
        {
          code: 'failed',
        },
      );
    });
    try {
      const files = await gatherFiles(given.text('config'), env);
      const folder = `hostwire-diagnose-${stamp}`;
      const named = files.map(({ name, bytes }) => ({ name: `${folder}/${name}`, bytes }));
      await handle.writeFile(await promisify(gzip)(tarOf(named, Math.floor(now.getTime() / 1000))));
      process.stdout.write(`${file}\n${files.map(({ name, bytes }) => `  ${name}  ${bytes.length} bytes`).join('\n')}\n`);
      return EXIT.ok;
    } finally {
      await handle.close();
    }
  },
};
