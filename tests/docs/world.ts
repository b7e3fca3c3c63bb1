import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { serverCertificate } from '../support/certificates.ts';
import { scratchPath } from '../support/scratch.ts';
import { filesOf, ISSUING_CA } from '../support/test-pki.ts';

const ROOT = resolve(import.meta.dir, '../..');
const TLSIFY = process.env.TLSIFY_TEST_COMMAND ?? join(ROOT, 'bin/tlsify');

/** The names that the documentation uses. `wrong.example` is a server whose certificate is for the others. */
const NAMES = ['example.com', 'imap.example.com', 'mail.example.com'];

/**
 * Runs `command` as bash does, in the repository, which it can only read, or in an empty folder, where {@link NAMES} are servers of
 * this machine whose certificates the system trusts. `tlsify` is what is tested. No byte leaves the machine.
 */
export function runInWorld(command: string, where: 'repository' | 'empty folder') {
  const folder = scratchPath('world');
  const path = join(folder, 'path');
  for (const made of [folder, path, join(folder, 'work')]) mkdirSync(made);
  const files = filesOf(serverCertificate(ISSUING_CA, { dns: NAMES }));
  copyFileSync(files.chain, join(folder, 'leaf.pem'));
  copyFileSync(files.key, join(folder, 'key.pem'));
  writeFileSync(join(folder, 'hosts'), `127.0.0.1 localhost ${NAMES.join(' ')} wrong.example\n`);
  writeFileSync(join(folder, 'nsswitch.conf'), 'hosts: files\n');
  symlinkSync(TLSIFY, join(path, 'tlsify'));
  const namespaces = process.getuid?.() === 0 ? ['-mn'] : ['-cmn', '--keep-caps'];
  const shell = ['bash', '-eo', 'pipefail', '-c', where === 'repository' ? `cd '${ROOT}'; ${command}` : command];
  const { status, stdout, stderr } = spawnSync(
    'unshare',
    [...namespaces, join(import.meta.dir, 'world.sh'), folder, ...shell],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        PATH: `${path}:/usr/sbin:/sbin:${process.env.PATH}`,
        SSL_CERT_FILE: files.ca,
        SSL_CERT_DIR: join(folder, 'work'),
        npm_config_offline: 'true',
        npm_config_cache: join(folder, 'npm'),
      },
    },
  );
  return { status, stdout: stdout.toString(), stderr: stderr.toString() };
}
