import { mount, RouterLinkStub } from '@vue/test-utils';
import { describe, expect, it } from 'vitest';
import type { Alert, HostSummary } from '../api/types.ts';
import HostCard from './HostCard.vue';
import { aHost, anAlert, someLines } from './sample-hosts.testkit.ts';

function card(host: HostSummary, alerts: readonly Alert[] = []) {
  const wrapper = mount(HostCard, { props: { host, alerts, lines: someLines }, global: { stubs: { RouterLink: RouterLinkStub } } });
  const cell = (n: number): string => wrapper.findAll('.cells > div')[n]?.text().replace(/\s+/g, ' ') ?? '';
  return { wrapper, cell, root: wrapper.find('.card') };
}

describe('host card', () => {
  it('shows what it is and its values, each with its unit', () => {
    const { wrapper, cell, root } = card(aHost());
    expect(root.classes()).toContain('ok');
    expect(wrapper.find('.l2').text()).toBe('Debian GNU/Linux 12, 8 threads');
    expect(cell(0)).toBe('CPU 14.2%');
    expect(cell(1)).toBe('Memory 38.6%');
    expect(cell(2)).toBe('Disk /var 41.3%');
    expect(cell(3)).toBe('Temp CPU 49\u00b0C');
    expect(wrapper.find('footer').text().replace(/\s+/g, '')).toBe('\u219321.4MB/s\u219138.7MB/sload0.94up64d');
    expect(wrapper.find('rect[fill="url(#hatch)"]').exists()).toBe(false);
  });

  it('tells what its GPUs do, and that they are too hot in colour and in words', () => {
    const gpu = {
      ...{ count: 2, utilization: 98, memory: { percent: 93.5, used: 44.9 * 2 ** 30, total: 48 * 2 ** 30 } },
      ...{ power: { draw: 649, limit: 700 }, temperature: { celsius: 91, limit: null } },
    };
    const { wrapper } = card(aHost({ gpu }));
    expect(wrapper.find('.l2').text()).toBe('2 GPUs, 649 of 700 W, 44.9 of 48.0 GiB, 91 \u00b0C, too hot');
    expect(wrapper.find('footer').text().replace(/\s+/g, '')).toMatch(/GPU98%$/);
    expect(wrapper.find('footer .t-crit').text()).toBe('98%');
    const cool = card(aHost({ gpu: { ...gpu, count: 1, utilization: null, temperature: { celsius: 60, limit: 95 } } })).wrapper;
    expect(cool.find('.l2').text()).toBe('1 GPU, 649 of 700 W, 44.9 of 48.0 GiB, 60 \u00b0C');
    expect(cool.find('footer').text().replace(/\s+/g, '')).toMatch(/GPU60\u00b0C$/);
  });

  it('colours only the value that is to blame', () => {
    const { wrapper, root } = card(aHost({ alerts: { critical: 1, warning: 0, info: 0 } }), [anAlert()]);
    expect(root.classes()).toContain('crit');
    expect(wrapper.findAll('.cells .num.t-crit').map((one) => one.text())).toEqual(['14.2%']);
    expect(root.attributes('aria-label')).toMatch(/^web-1, Critical, CPU 97.2 %/);
  });

  it('hatches the time since the last sample of a silent host and blames nothing', () => {
    const { wrapper, root } = card(aHost({ state: 'offline', last_seen: Date.now() - 38.5 * 60_000 }), [anAlert()]);
    expect(root.classes()).toContain('off');
    expect(wrapper.findAll('rect[fill="url(#hatch)"]').length).toBe(3);
    expect(wrapper.find('.t-crit').exists()).toBe(false);
    expect(wrapper.find('.age').text()).toBe('38m');
  });

  it('says late', () => {
    expect(
      card(aHost({ late: true, last_seen: Date.now() - 22_500 }))
        .wrapper.find('.l2')
        .text(),
    ).toBe('Late, expected every 5s, 4 intervals missed');
  });

  it('tells "no data" from "no such thing"', () => {
    const host = aHost({ disk: null, temperature: null, errors: [{ collector: 'disk', code: 'timeout', message: 'no answer' }] });
    const { wrapper, cell } = card(host);
    expect(cell(2)).toBe('Disk no data');
    expect(cell(3)).toBe('Temp \u2013');
    expect(wrapper.find('.meter.none').exists()).toBe(true);
  });

  it('has the command for a host that never connected', () => {
    const { wrapper, root } = card(aHost({ state: 'never_connected', last_seen: null }));
    expect(root.classes()).toContain('never');
    expect(wrapper.text()).toContain('npm run hostwire -- host rotate web-1');
    expect(wrapper.find('.age').text()).toBe('never');
    expect(wrapper.find('.cells').exists()).toBe(false);
  });

  it('never writes NaN, null or undefined, and takes names as text', () => {
    const bare = aHost({
      host: '<img src=x>',
      os: null,
      n_cpus: null,
      uptime: null,
      cpu: null,
      memory: { percent: null, used: null, total: null },
      disk: null,
      load: null,
      network: null,
      temperature: null,
      interval: null,
      last_seen: null,
    });
    for (const state of ['online', 'offline', 'never_connected'] as const) {
      const { wrapper } = card({ ...bare, state, late: state === 'online' });
      expect(wrapper.text()).not.toMatch(/NaN|null|undefined/);
      expect(wrapper.find('img').exists()).toBe(false);
      expect(wrapper.find('bdi.name').text()).toBe('<img src=x>');
    }
  });
});
