import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ActionName, ActionResult } from '@hostwire/model';
import { actionResultCheck } from '@hostwire/model/schema';
import { createLogger } from '@hostwire/service';
import { tempDir, waitFor } from '@hostwire/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ActionRecord } from './action-log.ts';
import { keys, NOW, request, signed } from './actions.testkit.ts';
import { Actions, type Performer } from './actions.ts';
import { ServerClock } from './server-clock.ts';

const done: Performer = async () => ({ result: 'done' });

function start({ dump = done, allow = ['agent.dump'] }: { dump?: Performer; allow?: ActionName[] } = {}) {
  const folder = join(tempDir(), 'state');
  const answers: ActionResult[] = [];
  const clock = new ServerClock(() => 0);
  clock.heard(NOW + 1000);
  const actions = new Actions({
    ...{ host: 'box', run: 'r1', key: keys.publicKey, allow, performers: { 'agent.dump': dump }, clock, folder },
    logger: createLogger({ name: 'test', level: 'silent' }),
    answer: (result) => answers.push(result),
    now: () => NOW,
  });
  onTestFinished(() => actions.close());
  const records = async (): Promise<ActionRecord[]> => {
    await actions.close();
    const lines = readFileSync(join(folder, 'audit.jsonl'), 'utf8').split('\n');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as ActionRecord);
  };
  return { actions, answers, records };
}

describe('actions', () => {
  it('are done once, answered, and written down before and after', async () => {
    const { actions, answers, records } = start();
    const asked = request();
    actions.receive(signed(asked), false);
    await waitFor(() => answers.length === 1);
    actions.receive(signed(asked), false);
    actions.receive(signed(request()), true);
    await waitFor(() => answers.length === 3);
    expect(answers.map(({ id, result, code }) => [id === asked.id, result, code])).toEqual([
      [true, 'done', undefined],
      [true, 'refused', 'replayed'],
      [false, 'refused', 'replayed'],
    ]);
    for (const answer of answers) expect(actionResultCheck.Check(answer)).toBe(true);
    expect((await records()).map(({ id, action, result, code }) => [id === asked.id, action, result, code])).toEqual([
      [true, 'agent.dump', 'accepted', undefined],
      [true, 'agent.dump', 'done', undefined],
      [true, 'agent.dump', 'refused', 'replayed'],
      [false, 'agent.dump', 'refused', 'replayed'],
    ]);
  });

  it('that the file does not allow, or that cannot be done here, are refused and not offered', async () => {
    const { actions, answers } = start({ allow: ['tmux.kill', 'agent.refresh'] });
    expect(actions.allowed).toEqual([]);
    actions.receive(signed(request()), false);
    actions.receive(signed(request({ action: 'agent.refresh', args: {} })), false);
    expect(answers.map(({ code }) => code)).toEqual(['not-allowed', 'not-allowed']);
    expect(start().actions.allowed).toEqual(['agent.dump']);
  });

  it('are done one at a time', async () => {
    let end = (): void => undefined;
    const { actions, answers } = start({ dump: () => new Promise((resolve) => (end = () => resolve({ result: 'done' }))) });
    actions.receive(signed(request()), false);
    actions.receive(signed(request()), false);
    expect(answers.map(({ code }) => code)).toEqual(['busy']);
    end();
    await waitFor(() => answers.length === 2);
    actions.receive(signed(request()), false);
    end();
    await waitFor(() => answers.length === 3);
    expect(answers.map(({ result }) => result)).toEqual(['refused', 'done', 'done']);
  });

  it('that fail say why, and are told to stop with the agent', async () => {
    const { actions, answers } = start({
      dump: (_args, signal) => new Promise((_, fail) => signal.addEventListener('abort', () => fail(new Error('stopped')))),
    });
    actions.receive(signed(request()), false);
    await actions.close();
    expect(answers).toMatchObject([{ result: 'failed', code: 'failed', reason: 'stopped' }]);
  });

  it('that nobody signed cannot drive others out of the log', async () => {
    const { actions, answers, records } = start();
    for (let i = 0; i < 500; i++) actions.receive(Buffer.from(`{"payload":"${i}"}`), false);
    actions.receive(signed(request()), false);
    await waitFor(() => answers.length === 1);
    const written = await records();
    expect(written.filter(({ code }) => code === 'bad-signature').length).toBeLessThanOrEqual(60);
    expect(written.at(-1)).toMatchObject({ result: 'done' });
    expect(answers).toHaveLength(1);
  });

  it('that the server signed once and somebody sends again and again cannot either', async () => {
    const { actions, answers, records } = start();
    const [again, elsewhere, late] = [request(), request({ host: 'other' }), request({ issued: NOW - 90_000, expires: NOW - 60_000 })];
    for (let i = 0; i < 300; i++) for (const one of [again, elsewhere, late]) actions.receive(signed(one), false);
    await waitFor(() => answers.some(({ result }) => result === 'done'));
    actions.receive(signed(request()), false);
    await waitFor(() => answers.filter(({ result }) => result === 'done').length === 2);
    expect(answers.length).toBeLessThanOrEqual(62);
    const written = await records();
    expect(written.filter(({ result }) => result === 'refused').length).toBeLessThanOrEqual(60);
    expect(written.at(-1)).toMatchObject({ result: 'done' });
  });
});
