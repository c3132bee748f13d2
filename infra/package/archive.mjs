import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream, renameSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/** Packs the folder `name` of `parent` into `file`: the same content gives the same bytes, wherever and whenever. */
export async function makeArchive({ parent, name, file, epoch }) {
  const args = ['--sort=name', '--format=gnu', '--owner=0', '--group=0', '--numeric-owner', `--mtime=@${epoch}`];
  const tar = spawn('tar', [...args, '--mode=u+rwX,go+rX,go-w', '-C', parent, '-cf', '-', name], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [[code]] = await Promise.all([
    once(tar, 'close'),
    pipeline(tar.stdout, createGzip({ level: 6 }), createWriteStream(`${file}.part`)),
  ]);
  if (code !== 0) throw new Error(`tar failed on ${name}`);
  renameSync(`${file}.part`, file);
}

/** SHA-256 of a file, in hexadecimal. */
export async function sha256(file) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
