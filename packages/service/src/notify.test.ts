import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { createLogger } from './logger.ts';
import { createNotifier } from './notify.ts';

describe('createNotifier', () => {
  const logged = (): { lines: string[]; logger: ReturnType<typeof createLogger> } => {
    const lines: string[] = [];
    return {
      lines,
      logger: createLogger({ name: 'test', pretty: false, destination: { write: (line: string) => void lines.push(line) } }),
    };
  };

  it('does nothing without a service manager', async () => {
    const { lines, logger } = logged();
    const notifier = createNotifier({ logger, env: { PATH: '/nonexistent' } });
    notifier.ready('up');
    notifier.watch();
    notifier.stopping();
    await sleep(50);
    expect(lines).toEqual([]);
  });

  it('says once that the command is missing', async () => {
    const { lines, logger } = logged();
    const notifier = createNotifier({ logger, env: { PATH: '/nonexistent', NOTIFY_SOCKET: '/nonexistent' } });
    notifier.ready('up');
    notifier.status('other');
    await vi.waitFor(() => expect(lines).not.toEqual([]));
    await sleep(50);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('is the package systemd installed?');
  });
});
