import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { appendFileSync, truncateSync, writeFileSync } from 'node:fs';
import { fingerprintOf, numberedStream } from '../support/numbered-stream.ts';
import type { PeerProcess } from '../support/peer-process.ts';
import { scratchPath } from '../support/scratch.ts';
import { localServer } from '../support/test-pki.ts';
import { describeEngineClient } from './engine-client.ts';
import { NSS_GROUPS, nssDatabase, nssSuites } from './nss-database.ts';
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

function selfserv(
  port: number,
  { version = 'TLSv1.3', files, suites, groups, trusted }: ServeOptions,
  ...more: string[]
) {
  return {
    program: 'selfserv',
    args: [
      ...[
        '-p',
        String(port),
        '-V',
        `${version.replace('v', '').toLowerCase()}:${version.replace('v', '').toLowerCase()}`,
        '-d',
        nssDatabase({ certificate: files, ...(trusted && { trusted }) }),
        '-n',
        'peer',
        '-e',
        'peer',
      ],
      '-u', // tickets
      ...(trusted === undefined ? [] : ['-r', '-r']),
      ...(suites === undefined ? [] : ['-c', nssSuites(suites)]),
      ...(groups === undefined ? [] : ['-I', groups.map((group) => NSS_GROUPS[group]).join(',')]),
      ...more,
    ],
    comesFrom: PACKAGE,
  };
}

const HEADER =
  'HTTP/1.0 200 OK\r\nServer: Generic Web Server\r\nDate: Tue, 26 Aug 1997 22:10:05 GMT\r\nContent-type: text/plain\r\n\r\n';

function serve(...more: string[]): Promise<PeerProcess> {
  return startPeer((port) => selfserv(port, { files: localServer() }, ...more));
}

describe('NSS selfserv', () => {
  describeHandshakes(nss);
  describeEngineClient({ ...nss, clientKeys: ['p256', 'p384', 'p521', 'rsa-2048'] });

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
