import { describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { serverCertificate } from '../support/certificates.ts';
import { PeerProcess } from '../support/peer-process.ts';
import { scratchPath } from '../support/scratch.ts';
import { filesOf, ISSUING_CA, localServer } from '../support/test-pki.ts';

const EXAMPLES = resolve(import.meta.dir, '../../examples');
const TLSIFY = process.env.TLSIFY_TEST_COMMAND ?? resolve(import.meta.dir, '../../bin/tlsify');

const CALLERS: Readonly<Record<string, () => readonly string[]>> = {
  sh: () => [join(EXAMPLES, 'sh/fetch.sh')],
  C: () => {
    const program = scratchPath('fetch');
    const compiler = spawnSync('cc', ['-Wall', '-Wextra', '-Werror', '-o', program, join(EXAMPLES, 'c/fetch.c')]);
    expect(compiler.stderr.toString()).toBe('');
    return [program];
  },
  Python: () => ['python3', join(EXAMPLES, 'python/fetch.py')],
  Node: () => [resolve(import.meta.dir, '../../node_modules/.bin/node'), join(EXAMPLES, 'node/fetch.mjs')],
};

const wrongName = filesOf(serverCertificate(ISSUING_CA, { dns: ['elsewhere.test'] }));

/** `openssl s_server -www` answers one request with a page about the connection, and closes properly. */
function serve(files = localServer()): Promise<PeerProcess> {
  return PeerProcess.start((port) => ({
    program: 'openssl',
    args: [
      's_server',
      '-accept',
      `127.0.0.1:${port}`,
      '-www',
      '-cert',
      files.leaf,
      '-cert_chain',
      files.chain,
      '-key',
      files.key,
    ],
    comesFrom: 'the package openssl',
  }));
}

/** A PATH in which tlsify is what is tested, and an environment in which only the test root is trusted. */
const environment = (() => {
  const folder = scratchPath('path');
  const noCertificates = scratchPath('empty');
  for (const path of [folder, noCertificates]) mkdirSync(path);
  symlinkSync(TLSIFY, join(folder, 'tlsify'));
  const PATH = `${folder}:${process.env.PATH}`;
  return { ...process.env, PATH, SSL_CERT_FILE: localServer().ca, SSL_CERT_DIR: noCertificates };
})();

function fetch(caller: string, port: number) {
  const [program, ...args] = CALLERS[caller]?.() ?? [];
  const run = spawnSync(program as string, [...args, 'localhost', String(port)], { env: environment, stdio: 'pipe' });
  return { code: run.status, stdout: run.stdout.toString('latin1'), stderr: run.stderr.toString() };
}

for (const caller of Object.keys(CALLERS))
  describe(`the caller in ${caller}`, () => {
    test('gets the page', async () => {
      const peer = await serve();
      const { code, stdout, stderr } = fetch(caller, peer.port);
      await peer.stop();
      expect(stderr).toBe('');
      expect(stdout).toMatch(/^HTTP\/1\.0 200 ok\r\n[\s\S]*TLSv1\.3/);
      expect(code).toBe(0);
    });

    test('gets nothing from a server with another name', async () => {
      const peer = await serve(wrongName);
      const { code, stdout } = fetch(caller, peer.port);
      await peer.stop();
      expect(stdout).toBe('');
      expect(code).toBe(77);
    });
  });
