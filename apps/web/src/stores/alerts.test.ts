import { createPinia, setActivePinia } from 'pinia';
import { beforeEach, expect, it } from 'vitest';
import { anAlert } from '../fleet/sample-hosts.testkit.ts';
import { useAlerts } from './alerts.ts';

beforeEach(() => setActivePinia(createPinia()));

it('keeps what was resolved, and forgets what was pending and came to nothing', () => {
  const alerts = useAlerts();
  alerts.merge(anAlert({ id: 'a', state: 'resolved', resolved_at: 2 }));
  alerts.merge(anAlert({ id: 'b', state: 'pending', fired_at: null }));
  expect(alerts.all.map(({ id }) => id).sort()).toEqual(['a', 'b']);
  alerts.merge(anAlert({ id: 'b', state: 'resolved', fired_at: null, resolved_at: 3 }));
  expect(alerts.all.map(({ id }) => id)).toEqual(['a']);
  expect(alerts.past.map(({ id }) => id)).toEqual(['a']);
});
