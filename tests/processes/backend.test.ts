/** `--backend openssl`: the same command, messages, status lines and exit codes, in the same sandbox. */
import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ServerFiles, serverCertificate } from '../support/certificates.ts';
import { PeerProcess } from '../support/peer-process.ts';
import { scratchPath } from '../support/scratch.ts';
import { filesOf, ISSUING_CA, localServer } from '../support/test-pki.ts';
import { MEMORY_BOUND_MIB, readAll, runTlsify, TlsifyProcess } from '../support/tlsify-process.ts';
import { connectArguments, expectFailure, listenScripted, meet, TEST_LIMIT_MS } from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

const OPENSSL = ['--backend', 'openssl'];

const started: PeerProcess[] = [];
afterAll(() => Promise.all(started.map((peer) => peer.stop())));

async function serve(files: ServerFiles, ...options: string[]): Promise<PeerProcess> {
  const peer = await PeerProcess.start((port) => ({
    program: 'openssl',
    args: [
      ...['s_server', '-accept', `127.0.0.1:${port}`, ...options],
      ...['-cert', files.leaf, '-cert_chain', files.chain, '-key', files.key],
    ],
    comesFrom: 'the package openssl',
  }));
  started.push(peer);
  return peer;
}

const REQUEST = 'GET / HTTP/1.0\r\n\r\n';

describe.each(['-tls1_3', '-tls1_2'])('with a server of %s', (version) => {
  for (const sandbox of ['standard', 'strict', 'off'])
    test(`it connects in the sandbox ${sandbox}, and says who speaks`, async () => {
      const peer = await serve(localServer(), '-www', version);
      const result = await runTlsify(connectArguments(peer.port, ...OPENSSL, '--sandbox', sandbox), REQUEST);
      expect(result).toMatchObject({ code: 0, stderr: '' });
      expect(result.stdout.toString()).toStartWith('HTTP/1.0 200 ok\r\n');
      expect(result.status[0]).toMatchObject({
        event: 'ready',
        backend: 'openssl',
        version: version === '-tls1_3' ? 'TLSv1.3' : 'TLSv1.2',
        sandbox,
        sandboxMissing: [],
        peer: { verified: true, matched: ['dns:localhost'] },
      });
    });

  test('a certificate for another name is refused with exit code 77, and nothing is sent', async () => {
    const peer = await serve(filesOf(serverCertificate(ISSUING_CA, { dns: ['elsewhere.example'] })), '-rev', version);
    const log = readAll(peer.stdout);
    const result = await runTlsify(connectArguments(peer.port, ...OPENSSL), 'these bytes must not leave\n');
    expectFailure(result, { code: 77, why: 'certificate-name-mismatch', says: /elsewhere\.example/ });
    await peer.stop();
    expect((await log).toString()).not.toContain('these bytes');
  });

  test('a server without a trusted issuer is refused', async () => {
    const peer = await serve(localServer(), '-www', version);
    const result = await runTlsify(['connect', `localhost:${peer.port}`, ...OPENSSL], REQUEST);
    expect(result.code).toBe(77);
    expect(result.status.at(-1)).toMatchObject({ event: 'failed', kind: 'certificate-rejected' });
  });

  test('16 MiB each way at once, in bounded memory', async () => {
    const peer = await serve(localServer(), '-quiet', version);
    const tlsify = new TlsifyProcess(connectArguments(peer.port, ...OPENSSL));
    const size = 16 * 2 ** 20;
    const chunk = new Uint8Array(2 ** 16).fill(120);
    const chunks = Array.from({ length: size / chunk.length }, () => chunk);
    const count = async (stream: AsyncIterable<Buffer>): Promise<number> => {
      let bytes = 0;
      for await (const piece of stream) {
        bytes += piece.length;
        if (bytes >= size) break;
      }
      return bytes;
    };
    const [up, down] = await Promise.all([
      count(peer.stdout),
      count(tlsify.stdout),
      tlsify.write(chunks),
      ...chunks.map((piece) => new Promise<void>((resolve) => peer.stdin.write(piece, () => resolve()))),
    ]);
    expect([up, down]).toEqual([size, size]);
    expect(tlsify.peakMemoryMib).toBeLessThan(MEMORY_BOUND_MIB);
    tlsify.kill('SIGTERM');
    expect((await tlsify.ending).code).toBe(143);
  });
});

test('the end of the stream without close_notify is truncation, with exit code 74', async () => {
  const { port } = await listenScripted({}, async (peer, socket) => {
    peer.server.data(new TextEncoder().encode('all that came'));
    await peer.flush();
    socket.end();
  });
  const result = await meet(port, ...OPENSSL);
  expectFailure(result, { code: 74, why: 'truncated', says: /without a close_notify/, ready: true });
  expect(result.stdout.toString()).toBe('all that came');
});

test('an alert is reported with exit code 76', async () => {
  const peer = await serve(localServer(), '-www', '-alpn', 'imap');
  const result = await runTlsify(connectArguments(peer.port, ...OPENSSL, '--alpn', 'h2'), REQUEST);
  expectFailure(result, { code: 76, why: 'alert-received', says: /no_application_protocol/ });
});

test('no file of the environment is read or loaded by it', async () => {
  const folder = scratchPath('openssl');
  mkdirSync(folder);
  const trap = join(folder, 'trap.so');
  const source = '__attribute__((constructor)) static void sprung(void) { abort(); }';
  writeFileSync(join(folder, 'trap.c'), `#include <stdlib.h>\n${source}\nint OSSL_provider_init(void) { return 0; }\n`);
  expect(spawnSync('cc', ['-shared', '-fPIC', '-o', trap, join(folder, 'trap.c')]).status).toBe(0);
  const configuration = join(folder, 'openssl.cnf');
  writeFileSync(
    configuration,
    `openssl_conf = all\n[all]\nproviders = providers\n[providers]\ntrap = trap\n[trap]\nmodule = ${trap}\nactivate = 1\n`,
  );
  const env = { OPENSSL_CONF: configuration, OPENSSL_MODULES: folder, OPENSSL_ENGINES: folder };
  // The control: whoever reads the configuration dies of it.
  expect(spawnSync('openssl', ['list', '-providers'], { env: { ...process.env, ...env } }).signal).toBe('SIGABRT');
  const peer = await serve(localServer(), '-www');
  const result = await runTlsify(connectArguments(peer.port, ...OPENSSL), REQUEST, { env });
  expect(result).toMatchObject({ code: 0, stderr: '' });
});
