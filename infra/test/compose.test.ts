import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { validate } from 'dockerfile-utils';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const infra = fileURLToPath(new URL('..', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8');
const COMPOSE = ['infra/compose.yaml', 'infra/compose.dev.yaml'];
const DOCKERFILES = readdirSync(`${infra}docker`).filter((name) => name.endsWith('.Dockerfile'));

interface Service {
  readonly image?: string;
  readonly build?: { readonly dockerfile?: string; readonly target?: string };
  readonly profiles?: readonly string[];
  readonly user?: string;
  readonly restart?: string;
  readonly read_only?: boolean;
  readonly privileged?: boolean;
  readonly pid?: string;
  readonly cap_add?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly (string | { readonly source: string; readonly target: string; readonly read_only?: boolean })[];
  readonly networks?: readonly string[] | Readonly<Record<string, { readonly aliases?: readonly string[] } | null>>;
}
interface Stack {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const stack = parse(read('infra/compose.yaml'), { merge: true }) as Stack;
const services = Object.entries(stack.services);
/** The instructions of a Dockerfile, without comments, continued lines joined. */
const instructions = (name: string): string[] =>
  read(`infra/docker/${name}`)
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '');

describe('the compose files', () => {
  it('are clean for dclint, warnings too', () => {
    const run = spawnSync('npx', ['dclint', '--max-warnings', '0', ...COMPOSE], { cwd: root, encoding: 'utf8' });
    expect([run.status, `${run.stdout}${run.stderr}`.trim()]).toEqual([0, '']);
  });

  it('use each variable of .env.example, and no other, with the default that stands there', () => {
    const documented = new Map(
      [...read('infra/.env.example').matchAll(/^#?([A-Z][A-Z0-9_]*)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
    );
    expect([...documented.keys()].sort()).toEqual([...new Set(documented.keys())].sort());
    expect(read('infra/.env.example').match(/^#?[A-Z][A-Z0-9_]*=/gm)).toHaveLength(documented.size);
    const used = COMPOSE.flatMap((file) =>
      [...read(file).matchAll(/\$\{([A-Z0-9_]+):-([^}]*)\}/g)].map(([, name = '', value = '']) => [name, value] as const),
    );
    expect([...new Set(used.map(([name]) => name))].sort()).toEqual([...documented.keys()].sort());
    for (const [name, value] of used) expect([name, value]).toEqual([name, documented.get(name)]);
    // None without a default: the stack comes up without a file .env.
    expect(COMPOSE.flatMap((file) => read(file).match(/\$\{[A-Z0-9_]+\}|\$[A-Z]/g) ?? [])).toEqual([]);
  });

  it('name versions of images, the same everywhere, and none that is latest', () => {
    for (const [name, { image = '' }] of services) {
      expect([name, image]).toEqual([name, expect.stringMatching(/:(\$\{HOSTWIRE_VERSION:-\d+\.\d+\.\d+\}|\d+\.\d+\.\d+)$/)]);
    }
    const { version } = JSON.parse(read('package.json')) as { version: string };
    expect(read('infra/.env.example')).toContain(`#HOSTWIRE_VERSION=${version}\n`);
  });

  it.each(services)('%s runs with as few rights as it can', (name, service) => {
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
    expect([service.privileged, service.cap_add, service.pid]).toEqual([undefined, undefined, undefined]);
    expect(service.restart).toBe(name === 'grafana-token' ? 'on-failure' : 'unless-stopped');
    // The image says as whom it runs, or the service does.
    const dockerfile = service.build?.dockerfile?.replace('infra/docker/', '');
    const users = dockerfile === undefined ? [] : instructions(dockerfile).filter((line) => line.startsWith('USER '));
    expect(service.user ?? users.at(-1)).toMatch(/10001:/);
    for (const volume of service.volumes ?? []) {
      const isOfHost = typeof volume === 'string' ? /^[./$]/.test(volume) : true;
      if (isOfHost) expect(typeof volume === 'string' ? volume.endsWith(':ro') : volume.read_only).toBe(true);
    }
  });

  it('keep what is to be kept in named volumes, and give no secret by the environment', () => {
    const named = services.flatMap(([, { volumes = [] }]) =>
      volumes.filter((one) => typeof one === 'string' && /^[a-z]/.test(one)).map((one) => String(one).split(':')[0]),
    );
    expect([...new Set(named)].sort()).toEqual(Object.keys(stack.volumes).sort());
    const environment = services.flatMap(([, service]) => Object.keys(service.environment ?? {}));
    expect(environment.filter((name) => /(PASSWORD|TOKEN|SECRET)$/.test(name))).toEqual([]);
    const server = read('apps/server/src/config/load-config.ts');
    for (const name of environment.filter((one) => /^HOSTWIRE_.*_FILE$/.test(one) && !/HEALTH/.test(one))) {
      expect(server).toContain(`${name.replace(/_FILE$/, '')}: '`);
    }
  });

  it('have each service in the profiles that it is for', () => {
    const inProfile = (profile: string): string[] =>
      services.filter(([, { profiles }]) => profiles?.includes(profile)).map(([name]) => name);
    expect(inProfile('embedded')).toEqual(['agent', 'server']);
    expect(inProfile('full')).toEqual(['agent', 'influxdb', 'mosquitto', 'server-full']);
    expect(inProfile('grafana')).toEqual(['grafana', 'grafana-token']);
  });
});

describe('the Dockerfiles', () => {
  it.each(DOCKERFILES)('%s is clean, from a named version, and ends as another user than root', (name) => {
    expect(validate(read(`infra/docker/${name}`)).map(({ message }) => message)).toEqual([]);
    const lines = instructions(name);
    expect(lines.filter((line) => /^ARG \w+_IMAGE=/.test(line)).every((line) => /:\d/.test(line) && !line.endsWith(':latest'))).toBe(true);
    expect(lines.filter((line) => line.startsWith('USER ')).at(-1)).toBe('USER 10001:10001');
    expect(lines.some((line) => line.startsWith('HEALTHCHECK '))).toBe(true);
    // The older builder knows neither.
    expect(lines.filter((line) => /--mount|--chmod|<</.test(line))).toEqual([]);
  });

  it('copy files that are there', () => {
    for (const name of DOCKERFILES) {
      for (const line of instructions(name).filter((one) => one.startsWith('COPY infra/'))) {
        for (const file of line.split(' ').slice(1, -1)) expect(read(file)).not.toBe('');
      }
    }
  });
});
