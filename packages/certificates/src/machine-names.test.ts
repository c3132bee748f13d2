import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isName, namesOf } from './machine-names.ts';

const none = { hostname: 'pi-04', addresses: [], hosts: '', resolver: '' };

describe('the names of a machine', () => {
  it('are its host name, with its domains, localhost, and the addresses by which others reach it', () => {
    const names = namesOf({
      hostname: 'Pi-04',
      addresses: ['127.0.0.1', '192.168.1.5', 'fe80::1', '169.254.3.4', '2001:DB8::5'],
      hosts: '127.0.0.1 localhost\n127.0.1.1 pi-04.example.org pi-04 # this one\n10.0.0.9 other.example.org other\n',
      resolver: 'nameserver 10.0.0.1\nsearch home.lan. example.net\n',
    });
    expect(names).toEqual([
      ...['pi-04', 'pi-04.example.org', 'pi-04.home.lan', 'pi-04.local'],
      ...['localhost', '127.0.0.1', '::1', '192.168.1.5', '2001:db8::5'],
    ]);
  });

  it('of a host name with domain are both, the long one first', () => {
    expect(namesOf({ ...none, hostname: 'nas.home.lan' }).slice(0, 3)).toEqual(['nas.home.lan', 'nas', 'nas.local']);
  });

  it('are always such that a certificate can hold them, whatever the files say', () => {
    fc.assert(
      fc.property(
        fc.record({ hostname: fc.string(), addresses: fc.array(fc.string()), hosts: fc.string(), resolver: fc.string() }),
        (facts) => {
          const names = namesOf({ ...facts, hosts: `10.0.0.1 ${facts.hostname} ${facts.hosts}`, resolver: `search ${facts.resolver}` });
          expect(names).toContain('localhost');
          expect(names.every(isName)).toBe(true);
        },
      ),
    );
  });
});
