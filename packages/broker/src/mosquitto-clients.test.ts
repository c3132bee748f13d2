import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findCommand, systemSuite, tempDir, waitFor } from '@hostwire/testkit';
import { expect, it } from 'vitest';
import { type Rig, rig, topics } from './broker.testkit.ts';

function run({ broker }: Rig, command: string, args: readonly string[]): Promise<{ code: number; stdout: string }> {
  return new Promise((done) => {
    execFile(findCommand(command) ?? '', ['-h', '127.0.0.1', '-p', String(broker.port), ...args], { timeout: 20_000 }, (error, stdout) => {
      done({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, stdout });
    });
  });
}

systemSuite(['mosquitto_pub', 'mosquitto_sub'], "Mosquitto's clients", () => {
  it('read with a token, publish as their host, and are refused all else', async () => {
    const made = await rig();
    const { token } = await made.registry.hosts.add('pve1');
    await made.registry.hosts.add('pve2');
    const { token: reader } = await made.registry.tokens.add('reader', ['mqtt:read']);
    const host = ['-u', 'pve1', '-P', token, '-i', 'pve1'];
    const published = await run(made, 'mosquitto_pub', [...host, '-q', '1', '-r', '-t', topics.status('pve1'), '-m', 'online']);
    expect(published.code).toBe(0);
    const read = await run(made, 'mosquitto_sub', ['-u', 'reader', '-P', reader, '-v', '-C', '1', '-W', '10', '-t', 'hostwire/v1/#']);
    expect(read).toEqual({ code: 0, stdout: 'hostwire/v1/pve1/status online\n' });

    const shared = await run(made, 'mosquitto_sub', ['-u', 'reader', '-P', reader, '-C', '1', '-W', '2', '-t', '$share/x/#']);
    expect(shared.stdout).toBe('');
    expect(made.refused('foreign-filter')).toBe(1);
    const wrong = await run(made, 'mosquitto_pub', ['-u', 'pve1', '-P', 'wrong', '-i', 'pve1', '-t', topics.status('pve1'), '-m', 'x']);
    const unknown = await run(made, 'mosquitto_pub', ['-u', 'pve3', '-P', token, '-i', 'pve3', '-t', topics.status('pve3'), '-m', 'x']);
    expect([wrong.code, unknown.code]).toEqual([5, 5]);
    await run(made, 'mosquitto_pub', [...host, '-t', topics.status('pve2'), '-m', 'offline']);
    await waitFor(() => made.refused('foreign-topic') === 1);
    const large = join(tempDir(), 'large');
    writeFileSync(large, Buffer.alloc(300 * 1024));
    await run(made, 'mosquitto_pub', [...host, '-t', topics.info('pve1'), '-f', large]);
    await waitFor(() => made.refused('oversized') === 1);
    expect(made.broker.stats().retained.messages).toBe(1);
  });
});
