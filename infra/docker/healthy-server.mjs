// The health check of the server's container: 0 if it answers that it is well.
const url = `http://127.0.0.1:${process.env['HOSTWIRE_PORT'] || 8080}/health`;
try {
  const { ok, degraded = [] } = await (await fetch(url, { signal: AbortSignal.timeout(4000) })).json();
  // Shown by `docker inspect`. A part that is not well does not make it better to start all anew.
  process.stdout.write(degraded.length > 0 ? `not well: ${degraded.join(', ')}\n` : 'ok\n');
  process.exitCode = ok ? 0 : 1;
} catch (error) {
  process.stdout.write(`${url}: ${error.cause?.code ?? error.message}\n`);
  process.exitCode = 1;
}
