import { createHash } from 'node:crypto';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { tempDir } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { Downloads } from '../enrolment/downloads.ts';
import { testServer } from '../server.testkit.ts';

const ARCHIVE = 'hostwire-agent-0.1.0-linux-x64.tar.gz';

/** The path as it stands, which fetch would tidy. */
async function getRaw(base: string, path: string): Promise<{ status: number; body: string }> {
  const { hostname, port } = new URL(base);
  return new Promise((done, fail) => {
    const asked = request({ hostname, port, path }, (response) => {
      let body = '';
      response.setEncoding('latin1').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => done({ status: response.statusCode ?? 0, body }));
    });
    asked.on('error', fail).end();
  });
}

function folderWithPackages(): string {
  const folder = join(tempDir(), 'packages');
  mkdirSync(folder);
  const bytes = Buffer.alloc(300_000, 7);
  writeFileSync(join(folder, ARCHIVE), bytes);
  writeFileSync(join(folder, 'SHA256SUMS'), `${createHash('sha256').update(bytes).digest('hex')}  ${ARCHIVE}\n`);
  writeFileSync(join(folder, 'hostwire-server-0.1.0-linux-x64.tar.gz'), 'server');
  writeFileSync(join(folder, 'secret'), 'secret');
  writeFileSync(join(folder, '..', 'SHA256SUMS'), 'secret');
  symlinkSync(join(folder, 'secret'), join(folder, 'hostwire-agent-0.1.0-linux-arm64.tar.gz'));
  mkdirSync(join(folder, 'hostwire-agent-0.2.0-linux-x64.tar.gz'));
  return folder;
}

describe('what a new host fetches', () => {
  it('is the script, the archives of the agent and their checksums, whole and as they are', async () => {
    const server = await testServer({ config: configWith(folderWithPackages()) });
    const script = await server.get('/install.sh');
    expect([script.status, script.headers.get('content-type')]).toEqual([200, 'text/x-shellscript; charset=utf-8']);
    expect(await script.text()).toMatch(/^#!\/bin\/sh\n/);
    const archive = await server.get(`/download/${ARCHIVE}`, { 'accept-encoding': 'gzip' });
    const bytes = Buffer.from(await archive.arrayBuffer());
    expect([archive.headers.get('content-type'), archive.headers.get('content-length'), archive.headers.get('content-encoding')]).toEqual([
      'application/gzip',
      '300000',
      null,
    ]);
    const sums = await (await server.get('/download/SHA256SUMS')).text();
    expect(sums).toContain(createHash('sha256').update(bytes).digest('hex'));
  });

  it('is nothing else in or outside the folder', async () => {
    const server = await testServer({ config: configWith(folderWithPackages()) });
    const paths = [
      'secret',
      'hostwire-server-0.1.0-linux-x64.tar.gz',
      'hostwire-agent-0.1.0-linux-arm64.tar.gz',
      'hostwire-agent-0.2.0-linux-x64.tar.gz',
      '../SHA256SUMS',
      '..%2fSHA256SUMS',
      '%2e%2e%2fSHA256SUMS',
      '..%5cSHA256SUMS',
      'SHA256SUMS%00',
      '/SHA256SUMS',
      '..',
      '%252e%252e%252fSHA256SUMS',
      `hostwire-agent-${'1'.repeat(65)}-linux-x64.tar.gz`,
      'hostwire-agent-0.1.0-linux-x64.tar.gz/../secret',
    ];
    for (const path of paths) {
      const { status, body } = await getRaw(server.url, `/download/${path}`);
      expect([path, status, body.includes('secret') && !body.includes('error')]).toEqual([path, 404, false]);
    }
    expect((await getRaw(server.url, '/download/secret')).body).toContain(`there are SHA256SUMS, `);
  });

  it('is missed with a sentence that says how to make it', async () => {
    const server = await testServer({ config: configWith(join(tempDir(), 'none')) });
    for (const path of ['/download/SHA256SUMS', `/download/${ARCHIVE}`]) {
      const answer = await server.get(path);
      expect([answer.status, await answer.text()]).toEqual([404, expect.stringContaining('npm run package')]);
    }
    const lone = new Downloads(undefined, tempDir());
    expect([await lone.openScript(), await lone.names()]).toEqual([null, []]);
  });

  it('is found in a package, where it lies beside the program', async () => {
    const root = tempDir();
    mkdirSync(join(root, 'downloads'));
    writeFileSync(join(root, 'downloads', 'install.sh'), '#!/bin/sh\n');
    writeFileSync(join(root, 'downloads', ARCHIVE), 'x');
    const downloads = new Downloads(undefined, root);
    expect(await downloads.names()).toEqual([ARCHIVE]);
    const opened = [await downloads.openScript(), await downloads.open(ARCHIVE)];
    expect(opened.map((file) => file?.size)).toEqual([10, 1]);
    for (const file of opened) await file?.handle.close();
  });
});

function configWith(folder: string): string {
  const file = join(tempDir(), 'hostwire.toml');
  writeFileSync(file, `downloads_dir = ${JSON.stringify(folder)}\n`);
  return file;
}
