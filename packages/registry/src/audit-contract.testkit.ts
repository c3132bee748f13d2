import { describe, expect, it, onTestFinished } from 'vitest';
import { openRegistry } from './open-registry.ts';
import type { AuditRecord, Registry } from './registry.ts';

type Place = { readonly file: string } | { readonly url: string };

const DAY_MS = 86_400_000;
const START = 1_790_000_000_000;

/** What every registry promises of its audit log. `place` names an empty one, a new one at each call. */
export function auditContract(place: () => Place): void {
  const open = async (now: () => number = () => START): Promise<Registry> => {
    const registry = await openRegistry({ ...place(), now });
    onTestFinished(() => registry.close());
    return registry;
  };
  const entry = (id: string, more: Partial<AuditRecord> = {}): AuditRecord => ({
    ...{ id, at: START, host: 'pi-01', action: 'agent.dump', args: { minutes: 5 }, actor: 'eve', result: 'sent', reason: null },
    ...more,
  });

  describe('the audit log', () => {
    it('says the newest first, by host, and from a time back', async () => {
      const { audit } = await open();
      const [a, b, c] = [entry('a'), entry('b', { at: START + 1, host: 'nas', args: {} }), entry('c', { at: START + 2, actor: null })];
      for (const one of [a, b, c]) await audit.add(one);
      expect(await audit.list()).toEqual([c, b, a]);
      expect(await audit.list({ host: 'pi-01' })).toEqual([c, a]);
      expect(await audit.list({ before: START + 2, limit: 1 })).toEqual([b]);
      expect([await audit.get('b'), await audit.get('x')]).toEqual([b, null]);
      await expect(audit.add(a)).rejects.toThrow();
    });

    it('has what became of each once, also when that comes late, and what nobody will answer any more', async () => {
      const { audit } = await open();
      for (const id of ['a', 'b', 'c']) await audit.add(entry(id, { at: id === 'c' ? START + 5 : START }));
      expect(await audit.settle('a', 'done', null)).toBe(true);
      expect(await audit.settle('a', 'refused', 'it was asked before')).toBe(false);
      expect(await audit.settle('x', 'done', null)).toBe(false);
      await audit.giveUp(START + 1);
      expect((await audit.list()).map(({ id, result }) => [id, result])).toEqual([
        ['c', 'sent'],
        ['a', 'done'],
        ['b', 'unanswered'],
      ]);
      expect(await audit.settle('b', 'failed', 'it took too long')).toBe(true);
      expect(await audit.get('b')).toMatchObject({ result: 'failed', reason: 'it took too long' });
    });

    it('forgets after 90 days, however few there are', async () => {
      let now = START;
      const { audit } = await open(() => now);
      await audit.add(entry('old'));
      now += 91 * DAY_MS;
      for (let i = 0; i < 64; i++) await audit.add(entry(`new-${i}`, { at: now }));
      expect(await audit.get('old')).toBeNull();
      expect(await audit.list()).toHaveLength(64);
    });
  });
}
