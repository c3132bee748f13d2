import { AccessError, type ExecResult } from '@hostwire/host-access';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { settingsOf } from '../config.ts';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { libvirt } from './index.ts';
import { parseDomstats } from './parse.ts';

const said = (stdout: string): ExecResult => ({ exitCode: 0, stdout, stderr: '' });
const host = (result: ExecResult | AccessError, uri = 'qemu:///system') =>
  new TreeHost({ commands: { [`virsh -r -c ${uri} domstats --raw --nowait`]: result } });
const rowsOf = async (text: string) => (await new Readings(libvirt).readAll(host(said(text)))) as Record<string, unknown>;

// Beside the recordings: what none of these guests has, by hand after virsh(1), domstats.
const FULL = `Domain: 'db'
  state.state=3
  state.reason=5
  cpu.time=67419144867000
  cpu.haltpoll.success.time=516723
  balloon.swap_in=0
  balloon.last-update=1654611373
  vcpu.1.state=1
  vcpu.1.time=1834500000000
  vcpu.1.halted=yes
  vcpu.1.halt_exits.sum=3
  net.0.name=vnet0
  net.0.rx.bytes=18446744073709551615
  net.0.tx.drop=2
  block.0.path=/srv/a=b 'c'.img
  block.0.fl.times=7
  perf.cpu_cycles=9
  perf.unknown=9
  dirtyrate.calc_mode=page-sampling
  dirtyrate.vcpu.0.megabytes_per_second=4
  vm.remote_tlb_flush.sum=33

`;

describe('libvirt', () => {
  it("gives what virsh tells, under Telegraf's names", async () => {
    const tags = { domain_name: 'db' };
    expect(await rowsOf(FULL)).toEqual({
      libvirt_state: [{ tags, fields: { status: 'paused', state: 3, reason: 5 } }],
      libvirt_cpu: [{ tags, fields: { time: 67_419_144_867_000, haltpoll_success_time: 516_723 } }],
      libvirt_balloon: [{ tags, fields: { swap_in: 0, last_update: 1_654_611_373 } }],
      libvirt_vcpu: [{ tags: { ...tags, vcpu_id: '1' }, fields: { state: 1, time: 1_834_500_000_000, halted: 'yes', halted_i: 1 } }],
      libvirt_net: [{ tags: { ...tags, interface_id: '0' }, fields: { name: 'vnet0', rx_bytes: 2n ** 63n - 1n, tx_drop: 2 } }],
      libvirt_block: [{ tags: { ...tags, block_id: '0' }, fields: { path: "/srv/a=b 'c'.img", fl_times: 7 } }],
      libvirt_perf: [{ tags, fields: { cpu_cycles: 9 } }],
      libvirt_dirtyrate: [{ tags, fields: { calc_mode: 'page-sampling' } }],
      libvirt_dirtyrate_vcpu: [{ tags: { ...tags, vcpu_id: '0' }, fields: { megabytes_per_second: 4 } }],
    });
    expect(await rowsOf('\n')).toEqual({});
  });

  it('reports a bounded number of guests', async () => {
    const readings = new Readings(libvirt);
    const text = Array.from({ length: 300 }, (_, index) => `Domain: 'd${index}'\n  state.state=1\n`).join('\n');
    expect(await readings.read(host(said(text)), 0, 'libvirt_state')).toHaveLength(250);
    expect(readings.reported).toMatchObject([{ code: 'too-large' }]);
  });

  it('says why it is not there', async () => {
    const stderr =
      "error: failed to connect to the hypervisor\nerror: Failed to connect socket to '/var/run/libvirt/libvirt-sock-ro': No such file\n";
    const options = settingsOf(libvirt, {}).options;
    expect(await libvirt.probe(host({ exitCode: 1, stdout: '', stderr }), options)).toEqual({
      available: false,
      reason: expect.stringContaining('libvirt-sock-ro'),
      hint: expect.stringContaining('group libvirt'),
    });
    expect(await libvirt.probe(new TreeHost(), options)).toEqual({ available: false, reason: 'virsh is not installed' });
    expect(await libvirt.probe(host(said('')), options)).toEqual({ available: true });
    const timeout = new AccessError('timeout', 'virsh: no answer');
    await expect(new Readings(libvirt).readAll(host(timeout))).rejects.toBe(timeout);
  });

  it('asks a hypervisor of this host and no other', async () => {
    const asked = host(said(''), 'lxc:///system');
    await new Readings(libvirt, { uri: 'lxc:///system' }).readAll(asked);
    expect(asked.asked).toHaveLength(1);
    for (const uri of ['qemu+ssh://root@192.0.2.1/system', 'qemu://192.0.2.1/system', '-x', 'qemu:///a b', 'test:///$(id)']) {
      expect(() => settingsOf(libvirt, { libvirt: { uri } })).toThrow('uri');
    }
  });
});

describe('parseDomstats', () => {
  it('takes any name of a guest and any path for what it is', () => {
    const unit = fc.constantFrom("'", '"', '=', ' ', 'Domain: ', 'state.state=', '\\', '\u00e9', '<b>');
    const text = fc.string({ unit, maxLength: 20 });
    fc.assert(
      fc.property(text, text, (name, path) => {
        const { rows, domains } = parseDomstats(
          `Domain: '${name}'\n  block.0.path=${path}\n  state.state=5\n\nDomain: 'x y z'\n  state.state=1\n`,
          9,
        );
        expect(domains).toBe(2);
        expect(rows['libvirt_block']).toEqual([{ tags: { domain_name: name, block_id: '0' }, fields: { path } }]);
        expect(rows['libvirt_state']?.map(({ fields }) => fields['status'])).toEqual(['shutoff', 'running']);
      }),
    );
  });

  it.each(['x', '  state.state=1', 'error: x\n', '[]'])('throws a ParseError at %j', (text) => {
    expect(() => parseDomstats(text, 9)).toThrow(expect.objectContaining({ code: 'parse' }));
  });

  it('passes over what is no number', () => {
    const { rows } = parseDomstats(
      "Domain: 'a'\n  cpu.time=-1\n  cpu.user=1e9\n  cpu.system=5\n  state.state=99\n  constructor.x=1\n  cpu.__proto__=1\n",
      9,
    );
    expect(rows).toEqual({
      libvirt_cpu: [{ tags: { domain_name: 'a' }, fields: { system: 5 } }],
      libvirt_state: [{ tags: { domain_name: 'a' }, fields: { state: 99, status: 'unknown' } }],
    });
  });
});
