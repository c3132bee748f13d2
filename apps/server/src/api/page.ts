import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { wantsPage } from './auth.ts';
import { ApiError } from './errors.ts';

/** The built dashboard beside this app; the same path from src and from dist. */
const WEB_DIST = fileURLToPath(new URL('../../../web/dist', import.meta.url));

/** Serves the dashboard's files; any other path that a browser opens gets its index.html, where its router takes over. */
export async function servePage(app: FastifyInstance, root: string = WEB_DIST): Promise<void> {
  const isBuilt = existsSync(root);
  if (isBuilt) {
    await app.register(fastifyStatic, {
      root,
      serve: false,
      cacheControl: false,
      setHeaders(reply, path) {
        // Names under assets hold a hash of their content.
        reply.header('cache-control', path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache');
      },
    });
    // Neither handler returns the reply: as a promise it would be waited for again with each way that is tried.
    app.get<{ Params: { '*': string } }>('/*', { config: { open: true }, schema: { hide: true } }, ({ params }, reply) => {
      reply.sendFile(params['*'] === '' ? 'index.html' : params['*']);
    });
  }
  app.setNotFoundHandler((request, reply) => {
    const isPage = request.method === 'GET' && wantsPage(request) && !/^\/(api|ws|metrics|docs)([/?]|$)/.test(request.url);
    if (isPage && isBuilt) reply.sendFile('index.html');
    else if (isPage) throw new ApiError('not-found', 'The dashboard is not built; run: npm run build');
    else throw new ApiError('not-found', 'There is nothing here; /docs describes the API.');
  });
}
