import { AccessError, type ExecOptions, type HostAccess } from '@hostwire/host-access';
import Type, { type Static } from 'typebox';
import { quote } from '../proc-text.ts';
import { requestOf } from '../targets.ts';

const Pointer = Type.String({ pattern: '^(/[^/]*)+$', maxLength: 500, allowed: 'a JSON Pointer such as /pools/0/free' });
const Name = '^[A-Za-z_][A-Za-z0-9_]{0,63}$';

/** One entry of `[[collectors.custom.sources]]`. */
export const Source = Type.Object(
  {
    name: Type.String({
      pattern: '^[a-z][a-z0-9_]{0,40}$',
      allowed: 'a word of lower-case letters, digits and _',
      description: 'Tag `source`, and of JSON and Prometheus the measurement: `custom_<name>`',
    }),
    command: Type.Array(Type.String({ maxLength: 1000 }), {
      default: [],
      maxItems: 64,
      description: 'A command and its arguments, as they are: no shell reads them',
    }),
    url: Type.String({
      pattern: '^(https?://[^/?#@\\s]+([/?][!-~]*)?)?$',
      allowed: 'http:// or https:// and a host, without user and password',
      default: '',
      description: 'Or what is asked for by HTTP',
    }),
    socket: Type.String({
      pattern: '^(/.{1,106})?$',
      allowed: 'an absolute path',
      default: '',
      description: 'Or a unix socket that is asked by HTTP',
    }),
    path: Type.String({
      pattern: '^/[!-~]*$',
      allowed: 'a path that begins with /',
      default: '/',
      description: 'Path and query that the socket is asked for',
    }),
    format: Type.Union([Type.Literal('influx'), Type.Literal('json'), Type.Literal('prometheus')], {
      description: 'influx (line protocol), json, or prometheus (text format)',
    }),
    rows: Type.Union([Type.Literal(''), Pointer], {
      default: '',
      description: 'json: where the list is of which each element is a row; empty: one row',
    }),
    fields: Type.Record(Type.String({ pattern: Name }), Pointer, {
      default: {},
      additionalProperties: false,
      description: 'json: name of a field -> where its value is, from the row',
    }),
    tags: Type.Record(Type.String({ pattern: Name }), Pointer, {
      default: {},
      additionalProperties: false,
      description: 'json: name of a tag -> where its value is, from the row',
    }),
    metrics: Type.Array(Type.String(), { default: ['*'], description: 'prometheus: patterns of the metrics to take (`*`, `?`, `[a-z]`)' }),
    interval_seconds: Type.Number({
      minimum: 0,
      maximum: 86_400,
      default: 0,
      description: 'Asked no more often than this; 0: in every tick of its tier',
    }),
    timeout_seconds: Type.Number({ minimum: 0.1, maximum: 30, default: 5, description: 'Seconds in which it must have answered' }),
  },
  { additionalProperties: false },
);
export type Source = Static<typeof Source>;

/** What is wrong with the sources that a schema cannot say, or null. */
export function faultOf(sources: readonly Source[]): string | null {
  const names = new Set<string>();
  for (const { name, command, url, socket, format, fields } of sources) {
    const ways = [command.length > 0, url !== '', socket !== ''].filter(Boolean).length;
    if (ways !== 1) return `source ${name} is to have one of command, url and socket`;
    if (command[0] === '') return `source ${name}: the command is empty`;
    if (format === 'json' && Object.keys(fields).length === 0) return `source ${name}: json needs fields = { name = "/pointer" }`;
    if (names.has(name)) return `two sources are called ${name}`;
    names.add(name);
  }
  return null;
}

/** What a source answers. Throws AccessError: it could not be asked, `exit-N`, `status-N`. */
export async function readSource(
  access: HostAccess,
  source: Source,
  keep: readonly string[] | undefined,
  options: ExecOptions,
): Promise<string> {
  const { name, command, url, socket, path } = source;
  const kept = keep === undefined ? {} : { keep };
  const [program, ...args] = command;
  if (program !== undefined) {
    const { exitCode, stdout, stderr } = await access.exec(program, args, { ...options, ...kept, confidential: true });
    if (exitCode !== 0)
      throw new AccessError(`exit-${exitCode}`, `source ${name}: ${program} ends with ${exitCode}, and says ${quote(stderr.trim())}`);
    return stdout;
  }
  const ask = socket === '' ? requestOf(url) : { socketPath: socket, path };
  const { status, body } = await access.request({ ...ask, ...kept, confidential: true }, options);
  if (status !== 200) throw new AccessError(`status-${status}`, `source ${name}: it answers with status ${status}`);
  return body;
}
