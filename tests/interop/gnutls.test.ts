import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { Fingerprint, fingerprintOf, numberedStream } from '../support/numbered-stream.ts';
import type { PeerProcess } from '../support/peer-process.ts';
import { localServer } from '../support/test-pki.ts';
import { TlsifyProcess } from '../support/tlsify-process.ts';
import { describeEngineClient } from './engine-client.ts';
import { GNUTLS_GROUPS, gnutlsCipher } from './gnutls-names.ts';
import {
  connectArguments,
  connectTo,
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
  transfer,
} from './suite.ts';

setDefaultTimeout(TEST_LIMIT_MS);

const gnutls: HandshakePeer = {
  command: (port, options) => gnutlsServ(port, options, '--http'),
  request: 'GET / HTTP/1.0\r\n\r\n',
  response: /^HTTP\/1\.0 200 OK\r\n/,
  suites: [...SUITES_13, ...SUITES_12],
  groups: ['x25519', 'secp256r1', 'secp384r1', 'secp521r1'],
  keys: {
    'p256': 'ecdsa_secp256r1_sha256',
    'p384': 'ecdsa_secp384r1_sha384',
    'p521': 'ecdsa_secp521r1_sha512',
    'rsa-2048': 'rsa_pss_rsae_sha256',
    'rsa-pss-2048': 'rsa_pss_pss_sha256',
    'ed25519': 'ed25519',
  },
  groups12: ['x25519', 'secp256r1', 'secp384r1', 'secp521r1'],
  keys12: ['p256', 'p384', 'p521', 'rsa-2048', 'rsa-pss-2048', 'ed25519'],
  hasEd448: true,
};

function gnutlsServ(
  port: number,
  { version = 'TLSv1.3', files, suites, groups, alpn, trusted }: ServeOptions,
  ...more: string[]
) {
  const priority = [
    `NORMAL:-VERS-ALL:+VERS-${version.replace('v', '')}`,
    ...(suites === undefined ? [] : ['-CIPHER-ALL', ...suites.map((suite) => `+${gnutlsCipher(suite)}`)]),
    ...(groups === undefined ? [] : ['-GROUP-ALL', ...groups.map((group) => `+${GNUTLS_GROUPS[group]}`)]),
  ];
  return {
    program: 'gnutls-serv',
    args: [
      ...['--quiet', '--port', String(port), '--priority', priority.join(':')],
      ...['--x509certfile', files.chain, '--x509keyfile', files.key],
      ...(trusted === undefined
        ? ['--disable-client-cert']
        : ['--require-client-cert', '--verify-client-cert', '--x509cafile', trusted]),
      ...(alpn ?? []).flatMap((protocol) => ['--alpn', protocol]),
      ...more,
    ],
    comesFrom: 'the package gnutls-bin',
  };
}

/** In one connection: gnutls-serv closes any that is older than 30 seconds, and a loaded machine is slow. */
const ECHO_BYTES = GIB / 16;

function serve(...more: string[]): Promise<PeerProcess> {
  return startPeer((port) => gnutlsServ(port, { files: localServer() }, ...more));
}

describe('GnuTLS gnutls-serv', () => {
  describeHandshakes(gnutls);
  describeEngineClient({
    ...gnutls,
    clientKeys: ['p256', 'p384', 'p521', 'ed25519', 'rsa-2048', 'rsa-pss-2048'],
  });

  describe('handshake options', () => {
    test('the host is sent as server name', async () => {
      const only = (name: string): string[] => ['--http', `--sni-hostname=${name}`, '--sni-hostname-fatal'];
      expectClean(await connectTo(await serve(...only('localhost')), gnutls.request));
      const refused = await connectTo(await serve(...only('other.example')), gnutls.request);
      expect(refused.code).toBe(76);
      expect(refused.stderr).toContain('unrecognized_name');
    });

    test('--sni none', async () => {
      expectClean(await connectTo(await serve('--http'), gnutls.request, '--sni', 'none'));
    });

    test('ALPN chosen', async () => {
      const result = await connectTo(await serve('--http', '--alpn=imap'), gnutls.request, '--alpn', 'h2,imap');
      expectClean(result);
      expect(result.status[0]).toMatchObject({ alpn: 'imap' });
    });

    test('ALPN refused', async () => {
      const peer = await serve('--http', '--alpn=imap', '--alpn-fatal');
      const result = await connectTo(peer, gnutls.request, '--alpn', 'h2');
      expect(result.code).toBe(76);
      expect(result.stderr).toContain('no_application_protocol');
    });
  });

  describe('data', () => {
    test('echoes 1 GiB, both ways at once', async () => {
      // --crlf: without it gnutls-serv changes the data. It takes text only, which the numbered stream is.
      const peer = await serve('--echo', '--crlf');
      const expected = fingerprintOf(numberedStream(ECHO_BYTES));
      for (let bytes = 0; bytes < GIB; bytes += ECHO_BYTES) {
        const { result, received } = await transfer(peer, numberedStream(ECHO_BYTES));
        expectClean(result);
        expect(received).toBe(expected);
      }
    });

    test('small records, as the server asks by record_size_limit', async () => {
      const peer = await serve('--echo', '--crlf', '--recordsize', '512');
      const { result, received } = await transfer(peer, numberedStream(MIB));
      expectClean(result);
      expect(received).toBe(fingerprintOf(numberedStream(MIB)));
    });

    test('half-close: the server closes after our close_notify', async () => {
      const tlsify = new TlsifyProcess(connectArguments(await serve('--echo', '--crlf')));
      await tlsify.write([Buffer.from('line\n')]);
      tlsify.stdin.end();
      const received = new Fingerprint();
      for await (const chunk of tlsify.stdout) received.add(chunk);
      expect(`${received}`).toBe(fingerprintOf([Buffer.from('line\n')]));
      expectClean(await tlsify.ending);
    });
  });
});
