import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { OpenFile } from '../../enrolment/downloads.ts';
import type { ApiContext } from '../context.ts';
import { ApiError } from '../errors.ts';
import { failures } from '../failures.ts';

/** Per address. */
const SCRIPTS_PER_MINUTE = 60;
const FILES_PER_MINUTE = 30;
/** At the same time: who reads slowly holds a file open. */
const MAX_AT_ONCE = 32;
const MAX_AT_ONCE_PER_ADDRESS = 8;
const LONGEST_MS = 30 * 60_000;

const FileParams = Type.Object({ file: Type.String({ minLength: 1, maxLength: 128 }) });
const NONE = 'run npm run package in its checkout, or set downloads_dir to the folder that has the packages.';

/** What a new host fetches before it is known. Open: there is no secret in it, and the command's pin says whom it comes from. */
export function downloadRoutes(context: ApiContext): FastifyPluginAsyncTypebox {
  return async (app) => {
    const underway: string[] = [];

    const send = (reply: FastifyReply, { handle, size }: OpenFile, type: string): FastifyReply => {
      const { ip } = reply.request;
      underway.push(ip);
      const stream = handle.createReadStream();
      const timer = setTimeout(() => reply.raw.destroy(), LONGEST_MS);
      timer.unref();
      stream.once('close', () => {
        clearTimeout(timer);
        underway.splice(underway.indexOf(ip), 1);
      });
      return reply.type(type).header('content-length', size).header('cache-control', 'no-cache').send(stream);
    };
    const refuseWhenBusy = ({ ip }: FastifyRequest): void => {
      if (underway.length < MAX_AT_ONCE && underway.filter((other) => other === ip).length < MAX_AT_ONCE_PER_ADDRESS) return;
      context.enrolment.counters.add('downloads_refused');
      throw new ApiError('too-many-requests', 'Too many downloads are under way; try again in a minute.');
    };

    app.get(
      '/install.sh',
      {
        exposeHeadRoute: false,
        config: { open: true, rateLimit: { max: SCRIPTS_PER_MINUTE, timeWindow: 60_000 } },
        schema: {
          operationId: 'getInstallScript',
          security: [],
          tags: ['enrolment'],
          summary: 'The script that installs the agent: POSIX shell',
          produces: ['text/x-shellscript'],
          response: { 200: Type.String(), ...failures(404, 429) },
        },
      },
      async (request, reply) => {
        refuseWhenBusy(request);
        const script = await context.enrolment.downloads.openScript();
        if (script === null) throw new ApiError('not-found', `This server has no install.sh: ${NONE}`);
        return send(reply, script, 'text/x-shellscript; charset=utf-8');
      },
    );

    app.get(
      '/download/:file',
      {
        exposeHeadRoute: false,
        config: { open: true, rateLimit: { max: FILES_PER_MINUTE, timeWindow: 60_000 } },
        schema: {
          operationId: 'downloadFile',
          security: [],
          tags: ['enrolment'],
          summary: 'An archive of the agent for Linux, or SHA256SUMS',
          params: FileParams,
          produces: ['application/gzip', 'text/plain'],
          response: { 200: Type.String(), ...failures(404, 429) },
        },
      },
      async (request, reply) => {
        refuseWhenBusy(request);
        const { file } = request.params;
        const { downloads, counters } = context.enrolment;
        const found = await downloads.open(file);
        if (found === null) {
          const names = await downloads.names();
          const what =
            names.length === 0 ? `This server has no packages: ${NONE}` : `There is no such file; there are ${names.join(', ')}.`;
          throw new ApiError('not-found', what);
        }
        counters.add('downloads');
        return send(reply, found, file === 'SHA256SUMS' ? 'text/plain; charset=utf-8' : 'application/gzip');
      },
    );
  };
}
