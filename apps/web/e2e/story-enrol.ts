import type { EnrolmentBody, EnrolmentRequestBody, NewEnrolmentBody } from '../../server/src/api/enrolment-schemas.ts';

/** Codes and waiting hosts of the story; what one does with them is kept for the life of the fixture server. */

const MINUTE = 60_000;
const PIN = "'sha256//GkXJ2sO1m3V0v1rMZ0b8Yp0m1l8V5y2w3Qe4Rt5Yu6I='";
const SERVER = 'https://hostwire.example:8080';

export interface EnrolStory {
  /** The answer to a request under /api/enrolments; null: there is no such thing. */
  answer(method: string, path: string, body: unknown): { readonly status: number; readonly body: unknown } | null;
}

export function enrolStory(waiting: boolean): EnrolStory {
  const now = Date.now();
  const enrolments: EnrolmentBody[] = [
    anEnrolment({ id: 'e1', host: 'pi-07', group: 'Pi', labels: { site: 'home' }, expires_at: now + 9 * MINUTE }),
    ...(waiting ? [anEnrolment({ id: 'u1', kind: 'universal', host: null, group: 'Web', expires_at: now + 1400 * MINUTE })] : []),
  ];
  const requests: EnrolmentRequestBody[] = !waiting
    ? []
    : [
        aRequest({ id: 'r1', host: 'web-3', address: '192.0.2.61', facts: facts('web-3'), group: 'Web', labels: { site: 'rack 2' } }),
        aRequest({ id: 'r2', host: 'nas', address: '192.0.2.62', facts: facts('<b>evil</b>'), created_at: now - 4 * MINUTE }),
        aRequest({ id: 'r3', host: 'web-4', address: '192.0.2.63', facts: facts('web-4'), state: 'claimed', decided_at: now - MINUTE }),
      ];

  const decide = (id: string, change: Partial<EnrolmentRequestBody>): EnrolmentRequestBody | null => {
    const at = requests.findIndex((one) => one.id === id);
    const found = requests[at];
    if (found === undefined) return null;
    const decided = { ...found, ...change, decided_at: Date.now(), decided_by: 'dashboard' };
    requests[at] = decided;
    return decided;
  };

  return {
    answer(method, path, body) {
      if (path === '/api/enrolments' && method === 'GET') return { status: 200, body: { enrolments, requests } };
      if (path === '/api/enrolments') {
        const ask = body as {
          kind?: 'once' | 'universal';
          host?: string;
          group?: string;
          labels?: Record<string, string>;
          expires_in?: number;
        };
        const { kind = 'once', host = null, group = null, labels = {}, expires_in: seconds = 15 * 60 } = ask;
        const one = anEnrolment({ id: `n${enrolments.length}`, kind, host, group, labels, expires_at: Date.now() + seconds * 1000 });
        enrolments.unshift(one);
        return { status: 200, body: withCommands(one) };
      }
      const [, id = '', action] = /^\/api\/enrolments\/(?:requests\/)?(\w+)(?:\/(approve|deny))?$/.exec(path) ?? [];
      if (action !== undefined) {
        const state = action === 'approve' ? 'approved' : 'denied';
        const decided = decide(id, { ...(body as Partial<EnrolmentRequestBody> | null), state });
        return decided === null ? null : { status: 200, body: decided };
      }
      const at = enrolments.findIndex((one) => one.id === id);
      if (method !== 'DELETE' || at < 0) return null;
      enrolments.splice(at, 1);
      return { status: 204, body: null };
    },
  };
}

function anEnrolment(change: Partial<EnrolmentBody>): EnrolmentBody {
  const now = Date.now();
  return {
    ...{ id: 'e', kind: 'once', host: null, replaces: false, group: null, labels: {}, created_at: now, created_by: 'dashboard' },
    ...{ expires_at: now + 15 * MINUTE, used_at: null, used_by: null, used_from: null },
    ...change,
  };
}

function aRequest(change: Partial<EnrolmentRequestBody>): EnrolmentRequestBody {
  return {
    ...{ id: 'r', enrolment: 'u1', host: '', address: '', facts: facts(''), created_at: Date.now() - MINUTE, state: 'pending' },
    ...{ decided_at: null, decided_by: null, group: null, labels: {} },
    ...change,
  };
}

function facts(hostname: string): EnrolmentRequestBody['facts'] {
  return { hostname, os: 'Debian GNU/Linux 12 (bookworm)', arch: 'arm64', agent_version: '0.1.0' };
}

function withCommands(one: EnrolmentBody): NewEnrolmentBody {
  const { id, kind, host, replaces, expires_at } = one;
  const options = `--server ${SERVER} --pin ${PIN}${host === null ? '' : ` --host ${host}`} --code 7K2M-QX4D-R9PV`;
  const commands = {
    install: `curl -fsSk --pinnedpubkey ${PIN} ${SERVER}/install.sh | sudo sh -s -- ${options}`,
    archive: `sudo ./install.sh ${options}`,
    docker: `docker run --rm --network host hostwire-agent:0.1.0 enroll ${options}`,
  };
  return { id, kind, code: '7K2M-QX4D-R9PV', host, replaces, expires_at, commands, notes: [] };
}
