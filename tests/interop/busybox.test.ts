import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type ServerFiles, serverCertificate } from '../support/certificates.ts';
import { fingerprintOf, numberedStream } from '../support/numbered-stream.ts';
import { type PeerProcess, requireProgram } from '../support/peer-process.ts';
import { scratchPath } from '../support/scratch.ts';
import { filesOf, ISSUING_CA, localServer } from '../support/test-pki.ts';
import { COMMAND } from '../support/tlsify-process.ts';
import { MIB, startPeer, TEST_LIMIT_MS } from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

/** Debian's BusyBox, unmodified: for https its wget execs `openssl s_client …`, and finds tlsify by that name. */
const shims = scratchPath('shims');
execFileSync(COMMAND, ['shims', shims]);

const served = scratchPath('served');
writeFileSync(served, Buffer.concat([...numberedStream(4 * MIB)]));
const got = scratchPath('got');
afterEach(() => rmSync(got, { force: true }));

function serve(files: ServerFiles): Promise<PeerProcess> {
  return startPeer((port) => ({
    program: '/usr/bin/openssl',
    args: [
      ...['s_server', '-accept', `127.0.0.1:${port}`, '-WWW', '-http_server_binmode'],
      ...['-cert', files.leaf, '-cert_chain', files.chain, '-key', files.key],
    ],
    comesFrom: 'the package openssl',
    cwd: dirname(served),
  }));
}

interface WgetOptions {
  readonly host?: string;
  /** PEM file of the CAs that tlsify trusts. */
  readonly trusted: string;
  readonly flags?: readonly string[];
}

async function wget(
  files: ServerFiles,
  { host = 'localhost', trusted, flags = [] }: WgetOptions,
): Promise<number | null> {
  requireProgram('busybox', 'the package busybox');
  const peer = await serve(files);
  const url = `https://${host}:${peer.port}/${basename(served)}`;
  const { status } = spawnSync('busybox', ['wget', '-q', '-O', got, ...flags, url], {
    env: { PATH: `${shims}:${process.env.PATH}`, SSL_CERT_FILE: trusted },
    stdio: 'ignore',
  });
  await peer.stop();
  return status;
}

describe('BusyBox wget https://…', () => {
  const good = localServer();

  for (const host of ['localhost', '127.0.0.1'])
    test(`from ${host}`, async () => {
      expect(await wget(good, { host, trusted: good.ca })).toBe(0);
      expect(fingerprintOf([readFileSync(got)])).toBe(fingerprintOf(numberedStream(4 * MIB)));
    });

  test('a CA that is not trusted', async () => {
    expect(await wget(good, { trusted: filesOf(serverCertificate(undefined, { dns: ['localhost'] })).ca })).toBe(1);
    expectNothing();
  });

  test('a certificate for another name, or another address', async () => {
    const other = filesOf(serverCertificate(ISSUING_CA, { dns: ['other.example'], ip: ['127.0.0.2'] }));
    expect(await wget(other, { trusted: good.ca })).toBe(1);
    expect(await wget(other, { host: '127.0.0.1', trusted: good.ca })).toBe(1);
    expectNothing();
  });

  test('--no-check-certificate changes nothing', async () => {
    const other = filesOf(serverCertificate(ISSUING_CA, { dns: ['other.example'] }));
    expect(await wget(other, { trusted: good.ca, flags: ['--no-check-certificate'] })).toBe(1);
    expectNothing();
  });
});

function expectNothing(): void {
  expect(existsSync(got) ? readFileSync(got, 'latin1') : '').toBe('');
}

describe("BusyBox' other helper: ssl_client -s FD -n NAME, on a connected socket", () => {
  const CALLER = `
import os, socket, sys
helper, port, *arguments = sys.argv[1:]
os.dup2(socket.create_connection(('127.0.0.1', int(port))).detach(), 9)
os.execv(helper, ['ssl_client', '-s9', *arguments])`;

  async function sslClient(files: ServerFiles, ...options: string[]) {
    const peer = await serve(files);
    const result = spawnSync('/usr/bin/python3', ['-c', CALLER, `${shims}/ssl_client`, String(peer.port), ...options], {
      env: { PATH: process.env.PATH, SSL_CERT_FILE: localServer().ca },
      input: `GET /${basename(served)} HTTP/1.0\r\n\r\n`,
      maxBuffer: 8 * MIB,
    });
    await peer.stop();
    return result;
  }

  test('with the right name', async () => {
    const { status, stdout } = await sslClient(localServer(), '-n', 'localhost');
    expect(status).toBe(0);
    expect(stdout.indexOf(readFileSync(served))).toBeGreaterThan(0);
  });

  test('with another name', async () => {
    const { status, stdout, stderr } = await sslClient(localServer(), '-n', 'other.example');
    expect(status).toBe(77);
    expect(stdout.length).toBe(0);
    expect(stderr.toString()).toContain('other.example');
  });

  test('without a name, it verifies nothing, and so does nothing', async () => {
    const { status, stdout } = await sslClient(localServer());
    expect(status).toBe(64);
    expect(stdout.length).toBe(0);
  });
});
