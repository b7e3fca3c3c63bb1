import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Fingerprint, fingerprintOf, numberedStream } from '../support/numbered-stream.ts';
import type { PeerProcess } from '../support/peer-process.ts';
import { scratchPath } from '../support/scratch.ts';
import { localServer, trustTestRoot } from '../support/test-pki.ts';
import { MEMORY_BOUND_MIB, readAll, runTlsify, TlsifyProcess } from '../support/tlsify-process.ts';
import { describeEngineClient } from './engine-client.ts';
import {
  connectArguments,
  connectTo,
  describeHandshakes,
  expectClean,
  GIB,
  type HandshakePeer,
  MIB,
  opensslName12,
  type ServeOptions,
  SUITES_12,
  SUITES_13,
  startPeer,
  TEST_LIMIT_MS,
  take,
} from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

const OPENSSL_GROUPS: Readonly<Record<string, string>> = {
  x25519: 'X25519',
  secp256r1: 'P-256',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
};

const openssl: HandshakePeer = {
  command: (port, options) => sServer(port, options, '-www'),
  request: 'GET / HTTP/1.0\r\n\r\n',
  response: /^HTTP\/1\.0 200 ok\r\n/,
  suites: [...SUITES_13, ...SUITES_12],
  groups: ['x25519', 'secp256r1', 'secp384r1', 'secp521r1'],
  keys: {
    'p256': 'ecdsa_secp256r1_sha256',
    'p384': 'ecdsa_secp384r1_sha384',
    'p521': 'ecdsa_secp521r1_sha512',
    'rsa-2048': 'rsa_pss_rsae_sha256',
    'rsa-3072': 'rsa_pss_rsae_sha256',
    'rsa-pss-2048': 'rsa_pss_pss_sha256',
    'ed25519': 'ed25519',
  },
  groups12: ['x25519', 'secp256r1', 'secp384r1', 'secp521r1'],
  keys12: ['p256', 'p384', 'p521', 'rsa-2048', 'rsa-pss-2048', 'ed25519'],
  hasEd448: true,
};

function sServer(
  port: number,
  { version, files, suites = [], groups, alpn, trusted }: ServeOptions,
  ...more: string[]
) {
  return {
    program: 'openssl',
    args: [
      's_server',
      ...['-accept', `127.0.0.1:${port}`, version === 'TLSv1.2' ? '-tls1_2' : '-tls1_3'],
      ...['-cert', files.leaf, '-cert_chain', files.chain, '-key', files.key],
      ...suites.flatMap((suite) =>
        version === 'TLSv1.2' ? ['-cipher', opensslName12(suite)] : ['-ciphersuites', suite],
      ),
      ...(groups === undefined ? [] : ['-groups', groups.map((group) => OPENSSL_GROUPS[group]).join(':')]),
      ...(alpn === undefined ? [] : ['-alpn', alpn.join(',')]),
      ...(trusted === undefined ? [] : ['-Verify', '3', '-verify_return_error', '-CAfile', trusted]),
      ...more,
    ],
    comesFrom: 'the package openssl',
  };
}

function serve(...more: string[]): Promise<PeerProcess> {
  return startPeer((port) => sServer(port, { files: localServer() }, ...more));
}

describe('OpenSSL s_server', () => {
  describeHandshakes(openssl);
  describeEngineClient({
    ...openssl,
    certificateSeen: /^Client certificate\n/m,
    clientKeys: ['p256', 'p384', 'p521', 'ed25519', 'rsa-2048', 'rsa-pss-2048'],
  });

  describe('handshake options', () => {
    for (const scheme of ['rsa_pss_rsae_sha256', 'rsa_pss_rsae_sha384', 'rsa_pss_rsae_sha512'])
      test(`signature ${scheme}`, async () => {
        const peer = await startPeer((port) =>
          sServer(port, { files: localServer('rsa-2048') }, '-www', '-sigalgs', scheme),
        );
        const result = await connectTo(peer, openssl.request);
        expectClean(result);
        expect(result.status[0]).toMatchObject({ signatureScheme: scheme });
      });

    test('no middlebox compatibility', async () => {
      expectClean(await connectTo(await serve('-www', '-no_middlebox'), openssl.request));
    });

    test('padded records', async () => {
      const result = await connectTo(await serve('-www', '-record_padding', '4096'), openssl.request);
      expectClean(result);
      expect(result.stdout.toString()).toMatch(openssl.response);
    });

    test('a server that asks for a client certificate, and can do without', async () => {
      expectClean(await connectTo(await serve('-www', '-verify', '1'), openssl.request));
    });

    test('the host is sent as server name, and none with --sni none', async () => {
      const { leaf, key } = localServer();
      for (const [options, expected] of [
        [[], true],
        [['--sni', 'none'], false],
      ] as const) {
        const peer = await serve('-servername', 'other.example', '-cert2', leaf, '-key2', key);
        const log = readAll(peer.stdout);
        expectClean(await connectTo(peer, '', ...options));
        await peer.stop();
        expect((await log).toString().includes('Hostname in TLS extension: "localhost"')).toBe(expected);
      }
    });
  });

  test('over IPv6, verified by its address', async () => {
    const peer = await startPeer((port) => {
      const { args, ...rest } = sServer(port, { files: localServer() }, '-www');
      return { ...rest, args: args.map((word) => (word === `127.0.0.1:${port}` ? `[::1]:${port}` : word)) };
    });
    const result = await runTlsify(['connect', `[::1]:${peer.port}`, ...trustTestRoot()], openssl.request);
    expectClean(result);
    expect(result.status[0]).toMatchObject({ serverName: null, peer: { matched: ['ip:::1'] } });
  });

  for (const level of ['strict', 'off'])
    test(`with the sandbox ${level}`, async () => {
      const result = await connectTo(await serve('-www'), openssl.request, '--sandbox', level);
      expectClean(result);
      expect(result.status[0]).toMatchObject({ sandbox: level });
    });

  describe('ALPN', () => {
    test('chosen', async () => {
      const result = await connectTo(await serve('-www', '-alpn', 'imap'), openssl.request, '--alpn', 'h2,imap');
      expectClean(result);
      expect(result.status[0]).toMatchObject({ alpn: 'imap' });
    });

    test('refused: the alert is reported', async () => {
      const result = await connectTo(await serve('-www', '-alpn', 'imap'), openssl.request, '--alpn', 'h2');
      expect(result.code).toBe(76);
      expect(result.status).toMatchObject([{ event: 'failed', why: 'alert-received' }]);
      expect(result.stderr).toContain('no_application_protocol');
    });

    test('ignored by the server', async () => {
      const result = await connectTo(await serve('-www'), openssl.request, '--alpn', 'h2');
      expectClean(result);
      expect(result.status[0]).toMatchObject({ alpn: null });
    });
  });

  describe('data', () => {
    test('1 GiB each way at once', async () => {
      const bytes = GIB;
      const peer = await serve('-quiet');
      const tlsify = new TlsifyProcess(connectArguments(peer));
      const [uploaded, downloaded] = [new Fingerprint(), new Fingerprint()];
      await Promise.all([
        tlsify.write(numberedStream(bytes)),
        writeTo(peer, numberedStream(bytes)),
        take(peer.stdout, uploaded, bytes),
        take(tlsify.stdout, downloaded, bytes),
      ]);
      expect(tlsify.peakMemoryMib).toBeLessThan(MEMORY_BOUND_MIB);
      // Only now: s_server ends the connection as soon as it has our close_notify.
      tlsify.stdin.end();
      expectClean(await tlsify.ending);
      const expected = fingerprintOf(numberedStream(bytes));
      expect(`${uploaded}`).toBe(expected);
      expect(`${downloaded}`).toBe(expected);
    });

    test('key updates, asked for and not, under load in the other direction', async () => {
      const messages = scratchPath('messages');
      const peer = await serve('-msg', '-msgfile', messages);
      const tlsify = new TlsifyProcess(connectArguments(peer));
      const log = readAll(peer.stdout);
      const upload = numberedStream(64 * MIB);
      const download = async (): Promise<void> => {
        await writeTo(peer, numberedStream(MIB));
        const downloaded = new Fingerprint();
        await take(tlsify.stdout, downloaded, MIB);
        expect(`${downloaded}`).toBe(fingerprintOf(numberedStream(MIB)));
      };
      await download();
      for (const [index, command] of ['K', 'k', 'K', 'K', 'k', 'k', 'K', 'k'].entries()) {
        // s_server takes a read of its stdin that begins with such a letter as a command, and any other as data.
        await writeTo(peer, [Buffer.from(`${command}\n`)]);
        while (countMessages(messages, '>>>', 'KeyUpdate') <= index) await delay(5);
        // New keys that were asked for come with the next data.
        await Promise.all([download(), tlsify.write(upTo(4 * MIB, upload))]);
        await tlsify.write(upTo(4 * MIB, upload));
      }
      tlsify.stdin.end();
      expectClean(await tlsify.ending);
      expect(countMessages(messages, '<<<', 'KeyUpdate')).toBe(4);
      await peer.stop();
      const uploaded = (await log).toString('latin1').replace(/SSL_do_handshake -> 1\n|Read BLOCK\n/g, '');
      expect(uploaded.includes(Buffer.concat([...numberedStream(64 * MIB)]).toString('latin1'))).toBe(true);
    });
  });
});

/** In the file that s_server's -msg writes: `>>>` sent by it, `<<<` received. */
/** The next `bytes` of a stream, which goes on behind them. */
function* upTo(bytes: number, stream: Generator<Buffer>): Generator<Buffer> {
  for (let taken = 0; taken < bytes; ) {
    const { done, value } = stream.next();
    if (done === true) return;
    taken += value.length;
    yield value;
  }
}

function countMessages(messages: string, direction: '>>>' | '<<<', name: string): number {
  return readFileSync(messages, 'latin1').match(new RegExp(`^${direction} .*${name}`, 'gm'))?.length ?? 0;
}
async function writeTo(peer: PeerProcess, chunks: Iterable<Uint8Array>): Promise<void> {
  for (const chunk of chunks) await new Promise<void>((resolve) => peer.stdin.write(chunk, () => resolve()));
}
