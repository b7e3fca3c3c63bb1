import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { TLS12_SUITES, TLS13_SUITES, type Tls13SuiteName } from '../../src/crypto/cipher-suites.ts';
import type { ServerFiles } from '../support/certificates.ts';
import { fingerprintOf, numberedStream } from '../support/numbered-stream.ts';
import { type PeerProcess, requireProgram } from '../support/peer-process.ts';
import { scratchPath } from '../support/scratch.ts';
import { localServer } from '../support/test-pki.ts';
import {
  describeHandshakes,
  expectClean,
  GIB,
  type HandshakePeer,
  MIB,
  type ServeOptions,
  SUITES_12,
  SUITES_13,
  startPeer,
  TEST_LIMIT_MS,
  talkTo,
  transfer,
} from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

/** By code point, as `:1301`. */
function nssSuite(suite: string): string {
  const { codePoint } = { ...TLS13_SUITES, ...TLS12_SUITES }[suite as Tls13SuiteName];
  return `:${codePoint.toString(16).toUpperCase().padStart(4, '0')}`;
}

const NSS_GROUPS: Readonly<Record<string, string>> = {
  x25519: 'x25519',
  secp256r1: 'P256',
  secp384r1: 'P384',
  secp521r1: 'P521',
};

const PACKAGE = 'the package libnss3-tools';

const nss: HandshakePeer = {
  command: (port, options) => selfserv(port, options),
  request: 'GET / HTTP/1.0\r\n\r\n',
  cannotHalfClose: true,
  response: /^HTTP\/1\.0 200 OK\r\n/,
  suites: [...SUITES_13, ...SUITES_12],
  groups: ['x25519', 'secp256r1', 'secp384r1', 'secp521r1'],
  keys: {
    'p256': 'ecdsa_secp256r1_sha256',
    'p384': 'ecdsa_secp384r1_sha384',
    'p521': 'ecdsa_secp521r1_sha512',
    'rsa-2048': 'rsa_pss_rsae_sha256',
  },
  groups12: ['x25519', 'secp256r1', 'secp384r1', 'secp521r1'],
  keys12: ['p256', 'p384', 'p521', 'rsa-2048'],
};

function selfserv(port: number, { version = 'TLSv1.3', files, suites, groups }: ServeOptions, ...more: string[]) {
  return {
    program: 'selfserv',
    args: [
      ...[
        '-p',
        String(port),
        '-V',
        `${version.replace('v', '').toLowerCase()}:${version.replace('v', '').toLowerCase()}`,
        '-d',
        database(files),
        '-n',
        'peer',
        '-e',
        'peer',
      ],
      ...(suites === undefined ? [] : ['-c', suites.map(nssSuite).join('')]),
      ...(groups === undefined ? [] : ['-I', groups.map((group) => NSS_GROUPS[group]).join(',')]),
      ...more,
    ],
    comesFrom: PACKAGE,
  };
}

/** NSS takes keys from its own database only. */
function database(files: ServerFiles): string {
  requireProgram('pk12util', PACKAGE);
  const [folder, bundle] = [scratchPath('nss'), scratchPath('peer.p12')];
  mkdirSync(folder);
  const run = (program: string, ...args: string[]): void => {
    execFileSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  };
  run(
    'openssl',
    'pkcs12',
    '-export',
    '-inkey',
    files.key,
    '-in',
    files.chain,
    '-name',
    'peer',
    '-out',
    bundle,
    '-passout',
    'pass:',
  );
  run('certutil', '-N', '-d', folder, '--empty-password');
  run('pk12util', '-i', bundle, '-d', folder, '-W', '');
  return folder;
}

const HEADER =
  'HTTP/1.0 200 OK\r\nServer: Generic Web Server\r\nDate: Tue, 26 Aug 1997 22:10:05 GMT\r\nContent-type: text/plain\r\n\r\n';

function serve(...more: string[]): Promise<PeerProcess> {
  return startPeer((port) => selfserv(port, { files: localServer() }, ...more));
}

describe('NSS selfserv', () => {
  describeHandshakes(nss);

  test('--sni none', async () => {
    expectClean(await talkTo(await serve(), nss.request, '--sni', 'none'));
  });

  test('ALPN chosen', async () => {
    const result = await talkTo(await serve('-Q'), nss.request, '--alpn', 'h2,http/1.1');
    expectClean(result);
    expect(result.status[0]).toMatchObject({ alpn: 'http/1.1' });
  });

  test('ALPN refused', async () => {
    const result = await talkTo(await serve('-Q'), nss.request, '--alpn', 'h2');
    expect(result.code).toBe(76);
    expect(result.stderr).toContain('no_application_protocol');
  });

  test('downloads a file of 1 GiB', async () => {
    const file = scratchPath('file');
    // Numbered at its end, and before that a hole, which takes no room on the disk.
    const end = Buffer.concat([...numberedStream(MIB)]);
    writeFileSync(file, '');
    truncateSync(file, GIB - MIB);
    appendFileSync(file, end);
    const request = Buffer.from(`GET ${file} HTTP/1.0\r\n\r\n`);
    const { result, received } = await transfer(await serve(), [request], 'stay-open');
    expectClean(result);
    const zeros = new Array<Buffer>(GIB / MIB - 1).fill(Buffer.alloc(MIB));
    expect(received).toBe(fingerprintOf([Buffer.from(HEADER), ...zeros, end]));
  });

  test('uploads what it takes: it sends a request of at most 10 KiB back', async () => {
    const body = Buffer.concat([...numberedStream(8192)])
      .toString('latin1')
      .replaceAll('\n', ' ');
    const result = await talkTo(await serve(), `POST /nowhere HTTP/1.0\r\n\r\n${body}\r\n`);
    expectClean(result);
    expect(result.stdout.toString('latin1')).toContain(body);
  });
});
